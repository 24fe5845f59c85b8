"""The TensorFlow engines, in float32: Keras 3, and a graph as one was written in 2017.

The graph has cells in the concatenated form, `dynamic_rnn`, placeholders and a session; its state
goes in and out with every call. A GRU there applies its reset gate before the product.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from timing import Run
from workloads import ALPHABET_SIZE, Workload

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import tensorflow as tf

tf.get_logger().setLevel("ERROR")
v1 = tf.compat.v1
THREADS = torch.get_num_threads()
tf.config.threading.set_intra_op_parallelism_threads(THREADS)

State = tuple[tf.Tensor, ...]
Weights = list[tuple[tf.Variable, tf.Variable]]  # of one layer


def keras_model(workload: Workload, batch_size: int, unroll: int) -> keras.Model:
    """Return the model in Keras' own layers, which carry their state from call to call."""
    tokens = keras.Input(batch_shape=(batch_size, unroll), dtype="int32")
    if workload.embedding_size:
        x = keras.layers.Embedding(ALPHABET_SIZE, workload.embedding_size)(tokens)
    else:
        x = keras.ops.one_hot(tokens, ALPHABET_SIZE)
    layer = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}[workload.cell]
    for _ in range(workload.num_layers):
        x = layer(workload.hidden_size, return_sequences=True, stateful=True)(x)
    return keras.Model(tokens, keras.layers.Dense(ALPHABET_SIZE)(x))


def keras_training(workload: Workload, inputs: np.ndarray, targets: np.ndarray) -> Run:
    """Return a training step of Keras, compiled or not as it decides itself."""
    model = keras_model(workload, *inputs.shape)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))

    def run() -> int:
        model.train_on_batch(inputs, targets)
        return inputs.size

    return run


def keras_sampling(workload: Workload, streams: int, steps: int) -> Run:
    """Return Keras stepping its stateful layers, compiled as a whole step."""
    model = keras_model(workload, streams, 1)

    @tf.function(jit_compile=True)
    def step(tokens: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        logits = model(tokens, training=False)  # (S, 1, V)
        return tf.random.stateless_categorical(logits[:, -1], 1, seed, dtype=tf.int32)  # (S, 1)

    tokens, number = tf.zeros((streams, 1), tf.int32), 0

    def run() -> int:
        nonlocal tokens, number
        for _ in range(steps):
            number += 1
            tokens = step(tokens, tf.constant([0, number]))
            tokens.numpy()
        return streams * steps

    return run


def lstm(x: tf.Tensor, state: State, weights: Weights) -> State:
    """Make one step of one layer: state (h, c), each (B, H)."""
    h, c = state
    i, g, f, o = tf.split(_sums([x, h], *weights[0]), 4, axis=1)
    c = tf.sigmoid(f + 1) * c + tf.sigmoid(i) * tf.tanh(g)
    return tf.sigmoid(o) * tf.tanh(c), c


def gru(x: tf.Tensor, state: State, weights: Weights) -> State:
    """Make one step of one layer: state (h,), (B, H)."""
    (h,) = state
    r, z = tf.split(tf.sigmoid(_sums([x, h], *weights[0])), 2, axis=1)
    return (z * h + (1 - z) * tf.tanh(_sums([x, r * h], *weights[1])),)


def _sums(parts: list[tf.Tensor], w: tf.Variable, b: tf.Variable) -> tf.Tensor:
    return tf.matmul(tf.concat(parts, axis=1), w) + b


class Cells:
    """Layers on top of each other, with the attributes that `dynamic_rnn` asks for."""

    def __init__(self, workload: Workload) -> None:
        size = workload.hidden_size
        self.cell = {"lstm": lstm, "gru": gru}[workload.cell]
        self.states, blocks = {"lstm": (2, [4]), "gru": (1, [2, 1])}[workload.cell]
        self.output_size = size
        self.state_size = (size,) * self.states * workload.num_layers
        self.weights: list[Weights] = []
        for layer in range(workload.num_layers):
            rows = (size if layer else workload.embedding_size or ALPHABET_SIZE) + size
            self.weights.append(
                [
                    (
                        v1.get_variable(f"w{layer}{part}", [rows, width * size]),
                        v1.get_variable(f"b{layer}{part}", [width * size]),
                    )
                    for part, width in enumerate(blocks)
                ]
            )

    def get_initial_state(self) -> None:
        """Be there: `dynamic_rnn` looks for it, though the state is always given."""

    def __call__(self, x: tf.Tensor, state: State, scope: object = None) -> tuple[tf.Tensor, State]:
        """Make one step of all layers."""
        after: State = ()
        for layer, weights in enumerate(self.weights):
            own = state[layer * self.states : (layer + 1) * self.states]
            new = self.cell(x, own, weights)
            x, after = new[0], after + new
        return x, after


class Graph:
    """The graph of 2017 in a session of its own.

    Attributes
    ----------
    tokens, targets : placeholders of uint8, shape (B, T)
    before, after : tuples of placeholders and of tensors, each (B, H)
    probabilities : tensor, shape (B·T, V)
    train : operation
    """

    def __init__(self, workload: Workload) -> None:
        with _loops_of_2017(), tf.Graph().as_default() as graph:
            self.tokens, self.targets = (v1.placeholder(tf.uint8, [None, None]) for _ in "xy")
            cells = Cells(workload)
            self.before = tuple(v1.placeholder(tf.float32, [None, n]) for n in cells.state_size)
            if workload.embedding_size:
                table = v1.get_variable("embedding", [ALPHABET_SIZE, workload.embedding_size])
                x = tf.nn.embedding_lookup(table, tf.cast(self.tokens, tf.int32))  # (B, T, E)
            else:
                x = tf.one_hot(self.tokens, ALPHABET_SIZE)  # (B, T, V)
            y, self.after = v1.nn.dynamic_rnn(cells, x, initial_state=self.before)  # (B, T, H)
            flat = tf.reshape(y, [-1, workload.hidden_size])  # (B·T, H)
            w = v1.get_variable("w_y", [workload.hidden_size, ALPHABET_SIZE])
            logits = tf.matmul(flat, w) + v1.get_variable("b_y", [ALPHABET_SIZE])  # (B·T, V)
            self.probabilities = tf.nn.softmax(logits)
            labels = tf.one_hot(tf.reshape(self.targets, [-1]), ALPHABET_SIZE)
            losses = v1.nn.softmax_cross_entropy_with_logits_v2(labels=labels, logits=logits)
            self.train = v1.train.AdamOptimizer(1e-3).minimize(tf.reduce_mean(losses))
            threads = v1.ConfigProto(intra_op_parallelism_threads=THREADS)
            self.session = v1.Session(graph=graph, config=threads)
            self.session.run(v1.global_variables_initializer())

    def zeros(self, streams: int) -> list[np.ndarray]:
        """Return the state before the first character."""
        return [np.zeros((streams, part.shape[1]), np.float32) for part in self.before]


@contextmanager
def _loops_of_2017() -> Iterator[None]:
    """Build loops as TensorFlow 1 did; the newer ones are slower here."""
    v1.disable_control_flow_v2()
    try:
        yield
    finally:
        v1.enable_control_flow_v2()


def graph_training(workload: Workload, inputs: np.ndarray, targets: np.ndarray) -> Run:
    """Return a training step of the graph."""
    graph = Graph(workload)
    state = graph.zeros(len(inputs))

    def run() -> int:
        nonlocal state
        fed = {graph.tokens: inputs, graph.targets: targets, graph.before: tuple(state)}
        _, state = graph.session.run([graph.train, graph.after], fed)
        return inputs.size

    return run


def graph_sampling(workload: Workload, streams: int, steps: int) -> Run:
    """Return the graph called with one character at a time."""
    graph = Graph(workload)
    state, tokens = graph.zeros(streams), np.zeros((streams, 1), np.uint8)
    random = np.random.default_rng(0)

    def run() -> int:
        nonlocal state, tokens
        for _ in range(steps):
            fed = {graph.tokens: tokens, graph.before: tuple(state)}
            p, state = graph.session.run([graph.probabilities, graph.after], fed)  # (S, V)
            sums = p.cumsum(axis=1)
            tokens = (sums < random.random((streams, 1)) * sums[:, -1:]).sum(axis=1, keepdims=True)
        return streams * steps

    return run
