"""The models that are timed, and PyTorch's own layers put together as a tutorial does."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from rnnbook.cells import State
from rnnbook.models import CharRNN

ALPHABET_SIZE = 69


@dataclass(frozen=True)
class Workload:
    """A model and the batches it is trained on.

    Attributes
    ----------
    name : str
        What the output calls it.
    cell, hidden_size, num_layers, embedding_size
        As in `rnnbook.models.CharRNN`.
    batch_size, unroll : int
        Streams in a training batch, and characters of each.
    """

    name: str
    cell: str
    hidden_size: int
    num_layers: int
    embedding_size: int | None
    batch_size: int
    unroll: int

    @property
    def model(self) -> CharRNN:
        """The model, untrained."""
        return CharRNN(
            ALPHABET_SIZE,
            cell=self.cell,
            hidden_size=self.hidden_size,
            num_layers=self.num_layers,
            embedding_size=self.embedding_size,
        )

    @property
    def blocks(self) -> int:
        """Weighted sums that each unit computes of each of its two inputs."""
        return {"lstm": 4, "gru": 3}[self.cell]

    def batch(self) -> tuple[Tensor, Tensor]:
        """Return inputs and targets (B, T) to train on: what they are does not change the time."""
        tokens = torch.randint(ALPHABET_SIZE, (self.batch_size, self.unroll + 1))
        return tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()


WORKLOADS = (
    Workload("gru-3x512", "gru", 512, 3, None, batch_size=200, unroll=128),
    Workload("lstm-1024", "lstm", 1024, 1, 256, batch_size=64, unroll=100),
)


def workloads(quick: bool) -> list[Workload]:
    """Return what to time; `quick` are tiny models, for trying a benchmark out."""
    if not quick:
        return list(WORKLOADS)
    tiny = {"hidden_size": 16, "batch_size": 4, "unroll": 8}
    return [replace(w, embedding_size=w.embedding_size and 8, **tiny) for w in WORKLOADS]


class Tutorial(nn.Module):
    """A character model as tutorials write it: PyTorch's layers and nothing else."""

    def __init__(self, workload: Workload) -> None:
        super().__init__()
        size, embedding_size = workload.hidden_size, workload.embedding_size
        self.embedding = nn.Embedding(ALPHABET_SIZE, embedding_size) if embedding_size else None
        layers = {"lstm": nn.LSTM, "gru": nn.GRU}[workload.cell]
        inputs = embedding_size or ALPHABET_SIZE
        self.rnn = layers(inputs, size, workload.num_layers, batch_first=True)
        self.head = nn.Linear(size, ALPHABET_SIZE)

    def forward(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return scores (B, T, V) for tokens (B, T), and the state after them."""
        if self.embedding is not None:
            x = self.embedding(tokens)  # (B, T, E)
        else:
            x = nn.functional.one_hot(tokens, ALPHABET_SIZE).to(self.head.weight.dtype)
        y, state = self.rnn(x, state)  # (B, T, H)
        return self.head(y), state
