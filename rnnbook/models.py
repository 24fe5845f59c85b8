"""The book's models: an adder of three numbers, and the recurrent character models."""

import torch
from torch import Tensor, nn

from rnnbook import bptt
from rnnbook.cells import ACTIVATIONS, State
from rnnbook.dropout import Dropout
from rnnbook.feedback import HiddenFeedback, OutputFeedback

LAYERS = {"vanilla": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class Adder(nn.Module):
    """One recurrent unit with one input: h_t = f(w_x x_t + w_h h_{t-1} + b), h_0 = 0.

    Parameters
    ----------
    activation : {"identity", "tanh", "relu"}
        The function f. With the identity and (w_x, w_h, b) = (1, 1, 0) the unit sums its inputs.
    """

    def __init__(self, activation: str = "identity") -> None:
        super().__init__()
        self.activation = ACTIVATIONS[activation]
        self.w_x, self.w_h = (nn.Parameter(torch.randn(())) for _ in range(2))
        self.b = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Run over padded rows and return each row's state after its last real step.

        Parameters
        ----------
        x : Tensor, shape (batch, time)
            Numbers, padded on the right with anything.
        lengths : Tensor of int64, shape (batch,)
            Real steps in each row, at least 1.

        Returns
        -------
        Tensor, shape (batch,)
        """
        h = x.new_zeros(len(x))  # (B,)
        states = []
        for x_t in x.unbind(dim=1):  # (B,)
            h = self.activation(self.w_x * x_t + self.w_h * h + self.b)
            states.append(h)
        states = torch.stack(states, dim=1)  # (B, T)
        return states.gather(1, lengths[:, None] - 1).squeeze(1)  # (B,)


class CharRNN(nn.Module):
    """Predict the next character: input layer → stacked recurrent layers → linear head.

    Parameters
    ----------
    alphabet_size : int
        Number of symbols V.
    cell : {"vanilla", "lstm", "gru"}
        Kind of recurrent layer, PyTorch's own.
    hidden_size : int
        Units H in each recurrent layer.
    num_layers : int
        Recurrent layers.
    embedding_size : int or None
        Width of a learned input vector a character; None feeds one-hot vectors of width V.
    dropout : float
        Share of units dropped between recurrent layers and before the head, in training.
    input_dropout : float
        Share of the numbers dropped that go into the first recurrent layer, in training. Of a
        one-hot character it drops the one, or nothing.
    weight_dropout : float
        Share of the hidden-to-hidden weights dropped in training, others for each batch (Merity,
        Keskar and Socher, 2018).
    """

    def __init__(
        self,
        alphabet_size: int,
        *,
        cell: str = "lstm",
        hidden_size: int = 256,
        num_layers: int = 1,
        embedding_size: int | None = None,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        weight_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.hyperparameters = {
            "alphabet_size": alphabet_size,
            "cell": cell,
            "hidden_size": hidden_size,
            "num_layers": num_layers,
            "embedding_size": embedding_size,
            "dropout": dropout,
            "input_dropout": input_dropout,
            "weight_dropout": weight_dropout,
        }
        self.alphabet_size = alphabet_size
        self.embedding = nn.Embedding(alphabet_size, embedding_size) if embedding_size else None
        self.rnn = LAYERS[cell](
            embedding_size or alphabet_size,
            hidden_size,
            num_layers,
            batch_first=True,
            # PyTorch drops between layers only, and warns when there is nothing between them.
            dropout=dropout if num_layers > 1 else 0.0,
        )
        self.dropout = Dropout(dropout)
        self.input_dropout = Dropout(input_dropout)
        self.weight_dropout = Dropout(weight_dropout)
        self.head = nn.Linear(hidden_size, alphabet_size)

    def forward(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Score every next character.

        Parameters
        ----------
        tokens : Tensor of int64, shape (batch, time)
            Indices into the alphabet.
        state : State or None
            What an earlier call returned, to go on from there; None starts from zeros.

        Returns
        -------
        logits : Tensor, shape (batch, time, alphabet_size)
            Scores of the character after each position; their softmax is a distribution.
        state : State
            Hidden state (layers, batch, hidden), for an LSTM the pair (hidden, cell).
        """
        if self.embedding is not None:
            x = self.embedding(tokens)  # (B, T, E)
        else:
            # one_hot gives int64; the recurrent layer multiplies in its weights' type.
            one_hot = nn.functional.one_hot(tokens, self.alphabet_size)
            x = one_hot.to(self.head.weight.dtype)  # (B, T, V)
        x = self.input_dropout(x)
        if bptt.applies_to(self.rnn, x):
            y, state = bptt.run(self.rnn, self._thinned(), x, state)  # (B, T, H)
        elif self.training and self.weight_dropout.p:
            y, state = torch.func.functional_call(self.rnn, self._thinned(), (x, state))
        else:
            y, state = self.rnn(x, state)  # (B, T, H)
        return self.head(self.dropout(y)), state  # (B, T, V)

    def _thinned(self) -> dict[str, Tensor]:
        """Return the recurrent layers' parameters by name, weight dropout applied."""
        return {
            name: self.weight_dropout(weight) if name.startswith("weight_hh") else weight
            for name, weight in self.rnn.named_parameters()
        }


CharModel = CharRNN | HiddenFeedback | OutputFeedback
# By the names that recipes and model files call them.
CHAR_MODELS: dict[str, type[CharModel]] = {
    kind.__name__: kind for kind in (CharRNN, HiddenFeedback, OutputFeedback)
}


def detach(state: State) -> State:
    """Cut a state off from the graph that made it: values are carried, gradients are not."""
    return tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
