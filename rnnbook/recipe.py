"""A recipe: all that decides a training run, in one object that can be stored as JSON."""

import math
from dataclasses import dataclass

import torch
from torch import nn

from rnnbook.models import CHAR_MODELS, CharModel

# The fields of a recipe that each class of model takes.
SHAPES = {
    "CharRNN": (
        "cell",
        "hidden_size",
        "num_layers",
        "embedding_size",
        "dropout",
        "input_dropout",
        "weight_dropout",
    ),
    "HiddenFeedback": ("hidden_size", "combine", "activation"),
    "OutputFeedback": ("hidden_size", "activation"),
}


@dataclass(frozen=True)
class Recipe:
    """All that decides a training run, so that a run can be repeated from its record.

    Attributes
    ----------
    corpus : str
        Name of the corpus in `rnnbook.corpora`.
    held_out : float
        Share of the corpus kept for validation.
    split : {"end", "middle", "chunks"}
        Where it stands: one contiguous stretch, or chunks drawn at random, which leaks.
    held_out_start : int
        The first character held out from the middle.
    model : {"CharRNN", "HiddenFeedback", "OutputFeedback"}
        Which of the classes in `rnnbook.models`.
    cell, hidden_size, num_layers, embedding_size, combine, activation
        Shape of the model: the arguments of that class; those it does not have are ignored.
    dropout, input_dropout, weight_dropout
        Shares that a `CharRNN` drops in training.
    batch_size, unroll : int
        Streams read at once, and characters between two updates.
    characters : int
        Characters to train on, counted again each time they are read.
    evaluations : int
        How often the held-out loss is measured, at equal distances.
    learning_rate : float
        Step size at its highest.
    schedule : {"constant", "cosine", "halvings"}
        Cosine rises over the first 2 % of the run and then falls to 1/20. Halvings halve the step
        size nine times, after each tenth of the run.
    optimizer : {"adamw", "sgd"}
        Which rule moves the weights; "sgd" is without momentum.
    off_centre : bool
        Whether weights are drawn with mean −0.1 and standard deviation 0.1, biases 0: the slip of
        chapter 5's tutorial. Otherwise PyTorch's own start.
    weight_decay : float
        Decoupled weight decay.
    averaging : float
        Share of itself that the running mean of the weights keeps in an update; the mean is then
        what is measured and kept. 0 is without (Polyak and Juditsky, 1992).
    clip : float or None
        Largest norm of the whole gradient; a longer one is scaled down to it. None leaves it.
    carry_state : bool
        Whether the state goes on from batch to batch, or starts from zeros in each.
    patience : int
        Stop after this many evaluations without a new best.
    seed : int
        Seed of the weights, the dropout and the offsets of the batches.
    """

    corpus: str
    characters: int
    held_out: float = 0.05
    cell: str = "lstm"
    hidden_size: int = 512
    num_layers: int = 1
    embedding_size: int | None = None
    dropout: float = 0.0
    batch_size: int = 64
    unroll: int = 100
    evaluations: int = 20
    learning_rate: float = 2e-3
    schedule: str = "cosine"
    weight_decay: float = 0.0
    clip: float | None = 1.0
    carry_state: bool = True
    patience: int = 5
    seed: int = 0
    # Fields added later come last and have defaults: older records and runs do not know them.
    split: str = "end"
    held_out_start: int = 0
    model: str = "CharRNN"
    combine: str = "sum"
    activation: str = "tanh"
    input_dropout: float = 0.0
    weight_dropout: float = 0.0
    optimizer: str = "adamw"
    off_centre: bool = False
    averaging: float = 0.0

    def build(self, alphabet_size: int) -> CharModel:
        """Return the untrained model: the same weights each time, drawn from the seed."""
        shape = {argument: getattr(self, argument) for argument in SHAPES[self.model]}
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            model = CHAR_MODELS[self.model](alphabet_size, **shape)
            if self.off_centre:
                for weight in model.parameters():
                    spread = 0.1 if weight.dim() > 1 else 0.0  # biases have one dimension
                    nn.init.normal_(weight, -spread, spread)
        return model

    def learning_rate_at(self, progress: float) -> float:
        """Return the step size after a share `progress` of the run, from 0 to 1."""
        if self.schedule == "constant":
            return self.learning_rate
        if self.schedule == "halvings":
            return self.learning_rate / 2 ** math.floor(10 * progress)
        rise = min(1.0, 0.05 + progress / 0.02)
        fall = 0.05 + 0.95 * (1 + math.cos(math.pi * progress)) / 2
        return self.learning_rate * rise * fall
