"""Every named configuration of the book, quick and full.

*Quick* trains inside a chapter, in a minute or less on two CPU cores. *Full* is the size of
the tutorial that the chapter reproduces.
"""

import dataclasses
import math
from dataclasses import dataclass

import torch
from torch import nn

from rnnbook.models import CHAR_MODELS, CharModel


class UnknownRecipe(KeyError):
    """No recipe has this name or preset."""

    def __str__(self) -> str:
        """Return the message without the quotes that `KeyError` adds."""
        return self.args[0]


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

# The last 200 tunes; half a character more, so that rounding down finds them.
HELD_OUT_TUNES = 48_016.5 / 901_235


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


_SHAKESPEARE = Recipe(
    corpus="plays",
    characters=56_000_000,
    hidden_size=1024,
    embedding_size=256,
    dropout=0.2,
    input_dropout=0.1,
    weight_dropout=0.3,
    unroll=64,
    evaluations=14,
    weight_decay=0.01,
)
# Chapter 4's tutorial, rule by rule; only its order of batches, one at random, is here the text's.
_SHAKESPEARE_SOURCE = Recipe(
    corpus="plays",
    characters=20 * 4_435_200,  # 20 readings
    split="chunks",
    hidden_size=1024,
    embedding_size=256,
    learning_rate=1e-3,
    schedule="constant",
    clip=None,
    carry_state=False,
)
_TINYSHAKESPEARE = Recipe(
    corpus="tinyshakespeare", characters=30 * 1_000_000, held_out=0.1, num_layers=2, dropout=0.4
)
_TUNES = Recipe(
    corpus="tune_book",
    characters=24_000_000,
    held_out=HELD_OUT_TUNES,
    num_layers=2,
    dropout=0.4,
    weight_dropout=0.25,
    batch_size=32,
    weight_decay=0.01,
)
# Chapters 6 and 7: the talk's network and rules, 20 readings of the tunes it learns from.
_TUNES_TALK = Recipe(
    corpus="tune_book",
    characters=20 * 853_219,
    held_out=HELD_OUT_TUNES,
    cell="gru",
    num_layers=3,
    dropout=0.3,
    input_dropout=0.3,
    batch_size=200,
    unroll=128,
    learning_rate=1e-3,
    schedule="constant",
    clip=None,
    patience=20,
)
_VANILLA_SUM = Recipe(
    corpus="wikipedia_sample",
    characters=64_000_000,
    # Characters 1,500,000 to 1,650,000. The sample ends in a page far easier than the rest.
    held_out=150_000 / 3_085_829,
    split="middle",
    held_out_start=1_500_000,
    model="HiddenFeedback",
    hidden_size=50,
    batch_size=64,
    unroll=20,
    learning_rate=2e-2,
    clip=1.25,
    patience=20,
)
_VANILLA_SGD = dataclasses.replace(
    _VANILLA_SUM, optimizer="sgd", learning_rate=5.0, schedule="halvings"
)
# Chapter 5's models. The first five go from the published setting to ours, one change at a time.
_VANILLA: dict[str, Recipe] = {
    "vanilla_published": dataclasses.replace(_VANILLA_SGD, off_centre=True),
    "vanilla_centred": _VANILLA_SGD,
    "vanilla_sgd": dataclasses.replace(_VANILLA_SGD, learning_rate=1.0),
    "vanilla_adam": dataclasses.replace(_VANILLA_SUM, schedule="halvings"),
    "vanilla_sum": _VANILLA_SUM,
    "vanilla_concat": dataclasses.replace(
        _VANILLA_SUM,
        characters=128_000_000,
        hidden_size=100,
        combine="concat",
        activation="relu",
        batch_size=32,
        unroll=40,
        # Nothing bounds the states of ReLU, and a product of two matrices moves twice as far.
        learning_rate=2e-3,
    ),
    # As many parameters as vanilla_sum, give or take 3 %.
    "vanilla_concat_small": dataclasses.replace(
        _VANILLA_SUM, hidden_size=33, combine="concat", learning_rate=1e-2
    ),
    "vanilla_output": dataclasses.replace(
        _VANILLA_SUM, model="OutputFeedback", hidden_size=64, learning_rate=1e-2
    ),
    "vanilla_lstm": dataclasses.replace(_VANILLA_SUM, model="CharRNN", cell="lstm", hidden_size=23),
    "vanilla_gru": dataclasses.replace(_VANILLA_SUM, model="CharRNN", cell="gru", hidden_size=27),
}

RECIPES: dict[str, dict[str, Recipe]] = {
    "shakespeare": {
        "quick": Recipe(
            corpus="plays",
            characters=2_400_000,
            hidden_size=384,
            embedding_size=64,
            # Few streams and short batches: at this size more updates are worth more than speed.
            batch_size=16,
            unroll=64,
            evaluations=6,
            learning_rate=3e-3,
        ),
        "full": _SHAKESPEARE,
    },
    "shakespeare_source": {
        "quick": dataclasses.replace(
            _SHAKESPEARE_SOURCE,
            characters=2_400_000,
            hidden_size=384,
            embedding_size=64,
            evaluations=6,
        ),
        "full": _SHAKESPEARE_SOURCE,
    },
    "tinyshakespeare": {
        "quick": dataclasses.replace(
            _TINYSHAKESPEARE,
            characters=1_500_000,
            hidden_size=256,
            num_layers=1,
            dropout=0.0,
            evaluations=5,
        ),
        "full": _TINYSHAKESPEARE,
    },
    "tunes": {
        "quick": dataclasses.replace(
            _TUNES,
            characters=1_500_000,
            hidden_size=256,
            num_layers=1,
            dropout=0.0,
            weight_dropout=0.0,
            batch_size=16,
            unroll=64,
            evaluations=5,
            learning_rate=3e-3,
        ),
        "full": _TUNES,
    },
    "tunes_talk": {
        "quick": dataclasses.replace(
            _TUNES_TALK, characters=1_280_000, hidden_size=128, batch_size=50, evaluations=5
        ),
        "full": _TUNES_TALK,
    },
    **{
        name: {
            "quick": dataclasses.replace(full, characters=6_400_000, evaluations=5),
            "full": full,
        }
        for name, full in _VANILLA.items()
    },
}


def get(name: str, preset: str) -> Recipe:
    """Look up a recipe.

    Parameters
    ----------
    name : str
        Key of `RECIPES`.
    preset : {"quick", "full"}
        Which size.

    Raises
    ------
    UnknownRecipe
        If there is none of that name or preset; the message lists them.
    """
    if name not in RECIPES:
        raise UnknownRecipe(f"no recipe {name!r}; there are {', '.join(RECIPES)}")
    if preset not in RECIPES[name]:
        raise UnknownRecipe(f"no preset {preset!r}; there are {', '.join(RECIPES[name])}")
    return RECIPES[name][preset]
