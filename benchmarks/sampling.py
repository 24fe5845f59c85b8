"""Time sampling: our stepper, PyTorch's own layers, Keras 3 and the graph of 2017, side by side."""

import copy
import sys
from itertools import islice

import torch
from timing import Bound, Figures, Run, arguments, ceiling, precision, report, take_turns
from workloads import ALPHABET_SIZE, Tutorial, Workload, workloads

from rnnbook.device import best_dtype
from rnnbook.sampling import Sampler
from rnnbook.text import Alphabet

STREAMS = (1, 64)
STEPS = 32  # characters of each stream between two looks at the clock
ALPHABET = Alphabet("".join(chr(ord("0") + i) for i in range(ALPHABET_SIZE)))


def ours(workload: Workload, streams: int) -> Run:
    """Return the package's sampler."""
    text = Sampler(workload.model, ALPHABET).stream("A", streams=streams)

    def run() -> int:
        return sum(len(characters) for characters in islice(text, STEPS))

    return run


def pytorch(model: Tutorial, streams: int) -> Run:
    """Return PyTorch's layers, called with one character at a time."""
    tokens = torch.zeros(streams, 1, dtype=torch.int64)  # (S, 1)
    state = None

    @torch.inference_mode()
    def run() -> int:
        nonlocal tokens, state
        for _ in range(STEPS):
            logits, state = model(tokens, state)  # (S, 1, V)
            tokens = torch.multinomial(logits[:, -1].float().softmax(dim=-1), 1)  # (S, 1)
            tokens.tolist()
        return streams * STEPS

    return run


def engines(workload: Workload, streams: int) -> dict[str, Run]:
    """Return every engine that can run here."""
    model = Tutorial(workload).eval()
    runs = {
        "rnnbook": ours(workload, streams),
        "pytorch float32": pytorch(model, streams),
        "pytorch bfloat16": pytorch(copy.deepcopy(model).bfloat16(), streams),
    }
    try:
        import tensorflow_engines
    except ImportError as error:
        print(f"Keras and TensorFlow are left out: {error}", file=sys.stderr)
    else:
        runs["keras"] = tensorflow_engines.keras_sampling(workload, streams, STEPS)
        runs["tensorflow v1"] = tensorflow_engines.graph_sampling(workload, streams, STEPS)
    return runs


def recurrent_weights(workload: Workload) -> list[tuple[int, int]]:
    """Return the shapes of the weights that every step has to read.

    Those of the first layer's input are not among them: there is one row for each character.
    """
    size = workload.hidden_size
    sums = workload.blocks * size
    widths = [size if index == 0 else 2 * size for index in range(workload.num_layers)]
    return [(sums, width) for width in widths]


def memory_bound(workload: Workload, dtype: torch.dtype) -> Bound:
    """Return a run that reads as many bytes as one stream's step has to, as fast as we know how.

    That is a float32 product of a matrix and a vector, whose arithmetic hides behind its reading.
    """
    weights = sum(rows * columns for rows, columns in recurrent_weights(workload))
    head = ALPHABET_SIZE * workload.hidden_size * 4
    floats = (weights * dtype.itemsize + head) // 4
    matrix, vector = torch.randn(floats // 512, 512), torch.randn(512)
    out = torch.empty(len(matrix))

    @torch.inference_mode()
    def run() -> int:
        for _ in range(STEPS):
            torch.mv(matrix, vector, out=out)
        return STEPS

    return Bound(run, matrix.nbytes, "GB/s")


def product_bound(workload: Workload, dtype: torch.dtype, streams: int) -> Bound:
    """Return a run of nothing but the products that one step of several streams needs."""
    shapes = recurrent_weights(workload)
    weights = [torch.randn(rows, columns).to(dtype) for rows, columns in shapes]
    states = [torch.randn(columns, streams).to(dtype) for _, columns in shapes]
    outs = [torch.empty(rows, streams, dtype=dtype) for rows, _ in shapes]

    @torch.inference_mode()
    def run() -> int:
        for _ in range(STEPS):
            for weight, state, out in zip(weights, states, outs, strict=True):
                torch.mm(weight, state, out=out)
        return streams * STEPS

    operations = sum(2 * rows * columns for rows, columns in shapes)
    return Bound(run, operations, "GFLOP/s")


def main() -> None:
    """Measure all workloads and print the figures."""
    options = arguments(__doc__)
    rows: list[Figures] = []
    ceilings: list[Figures] = []
    for workload in workloads(options.quick):
        for streams in STREAMS:
            name = f"{workload.name}, {streams} stream{'s' * (streams > 1)}"
            narrow = torch.float16 if streams == 1 else best_dtype(torch.device("cpu"))
            bounds = {
                precision(dtype): memory_bound(workload, dtype)
                if streams == 1
                else product_bound(workload, dtype, streams)
                for dtype in (torch.float32, narrow)
            }
            runs = engines(workload, streams)
            timed = runs | {bound: part.run for bound, part in bounds.items()}
            rates = take_turns(timed, options.rounds, options.seconds)
            rows += [
                {"workload": name, "engine": engine, "chars_per_s": rates[engine]}
                for engine in runs
            ]
            ceilings.append(ceiling(name, bounds, rates, precision(narrow)))
    report(rows, ceilings, as_json=options.json)


if __name__ == "__main__":
    main()
