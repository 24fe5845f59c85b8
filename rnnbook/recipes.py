"""Every named configuration of the book, quick and full.

*Quick* trains inside a chapter, in a minute or less on two CPU cores. *Full* is the size of
the tutorial that the chapter reproduces.
"""

import dataclasses
import math
from dataclasses import dataclass

import torch

from rnnbook.models import CHAR_MODELS, CharModel


class UnknownRecipe(KeyError):
    """No recipe has this name or preset."""

    def __str__(self) -> str:
        """Return the message without the quotes that `KeyError` adds."""
        return self.args[0]


class TooLittleText(ValueError):
    """A text too short to learn from and to be judged on."""


# The fields of a recipe that each class of model takes.
SHAPES = {
    "CharRNN": ("cell", "hidden_size", "num_layers", "embedding_size", "dropout"),
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
    cell, hidden_size, num_layers, embedding_size, dropout, combine, activation
        Shape of the model: the arguments of that class; those it does not have are ignored.
    batch_size, unroll : int
        Streams read at once, and characters between two updates.
    characters : int
        Characters to train on, counted again each time they are read.
    evaluations : int
        How often the held-out loss is measured, at equal distances.
    learning_rate : float
        Step size of AdamW at its highest.
    schedule : {"constant", "cosine"}
        Cosine rises over the first 2 % of the run and then falls to 1/20.
    weight_decay : float
        Decoupled weight decay.
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

    def build(self, alphabet_size: int) -> CharModel:
        """Return the untrained model: the same weights each time, drawn from the seed."""
        shape = {argument: getattr(self, argument) for argument in SHAPES[self.model]}
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            return CHAR_MODELS[self.model](alphabet_size, **shape)

    def learning_rate_at(self, progress: float) -> float:
        """Return the step size after a share `progress` of the run, from 0 to 1."""
        if self.schedule == "constant":
            return self.learning_rate
        rise = min(1.0, 0.05 + progress / 0.02)
        fall = 0.05 + 0.95 * (1 + math.cos(math.pi * progress)) / 2
        return self.learning_rate * rise * fall


_SHAKESPEARE = Recipe(
    corpus="plays",
    characters=40_000_000,
    hidden_size=1024,
    embedding_size=256,
    dropout=0.25,
    unroll=64,
    evaluations=10,
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
    learning_rate=5e-3,
    clip=1.25,
)
_VANILLA_CONCAT = dataclasses.replace(
    _VANILLA_SUM,
    characters=128_000_000,
    hidden_size=100,
    combine="concat",
    activation="relu",
    batch_size=32,
    unroll=40,
    # Nothing bounds the states of ReLU, and a product of two matrices moves twice as far in a step.
    learning_rate=1e-3,
)
_VANILLA_OUTPUT = dataclasses.replace(
    _VANILLA_SUM, model="OutputFeedback", characters=12_000_000, learning_rate=1e-2
)

RECIPES: dict[str, dict[str, Recipe]] = {
    "shakespeare": {
        "quick": dataclasses.replace(
            _SHAKESPEARE,
            characters=2_400_000,
            hidden_size=384,
            embedding_size=64,
            dropout=0.0,
            # Few streams and short batches: at this size more updates are worth more than speed.
            batch_size=16,
            unroll=64,
            evaluations=6,
            learning_rate=3e-3,
            weight_decay=0.0,
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
    "vanilla_sum": {
        "quick": dataclasses.replace(_VANILLA_SUM, characters=6_400_000, evaluations=5),
        "full": _VANILLA_SUM,
    },
    "vanilla_concat": {
        "quick": dataclasses.replace(_VANILLA_CONCAT, characters=5_000_000, evaluations=5),
        "full": _VANILLA_CONCAT,
    },
    "vanilla_output": {
        "quick": dataclasses.replace(_VANILLA_OUTPUT, characters=3_000_000, evaluations=5),
        "full": _VANILLA_OUTPUT,
    },
}

# For a text of your own, by its least number of characters: a larger one feeds a larger model,
# needs less dropout, and can spare a smaller share. `characters` bounds the run: two CPU cores
# need seconds, one or two minutes, about ten, and about half an hour.
BY_SIZE: dict[int, Recipe] = {
    2_000: Recipe(
        corpus="",
        characters=900_000,
        held_out=0.1,
        hidden_size=128,
        embedding_size=32,
        dropout=0.5,
        batch_size=16,
        unroll=32,
        learning_rate=5e-3,
    ),
    30_000: Recipe(
        corpus="",
        characters=9_000_000,
        held_out=0.1,
        hidden_size=256,
        embedding_size=64,
        dropout=0.5,
        batch_size=16,
        unroll=64,
        learning_rate=3e-3,
    ),
    300_000: Recipe(
        corpus="",
        characters=12_000_000,
        held_out=0.05,
        hidden_size=512,
        embedding_size=64,
        dropout=0.4,
        batch_size=32,
        unroll=64,
    ),
    3_000_000: Recipe(
        corpus="",
        characters=20_000_000,
        held_out=0.02,
        hidden_size=1024,
        embedding_size=128,
        dropout=0.1,
        batch_size=64,
        unroll=64,
        evaluations=10,
    ),
}
READINGS = 30  # at most


def for_text(characters: int, corpus: str) -> Recipe:
    """Choose a recipe by the amount of text.

    Parameters
    ----------
    characters : int
        Length of the text.
    corpus : str
        Its name, for the record.

    Returns
    -------
    Recipe
        The one in `BY_SIZE` for this much text. It reads what is not held out `READINGS` times,
        or as often as its own number of characters allows.

    Raises
    ------
    TooLittleText
        For less text than `BY_SIZE` begins with.
    """
    if characters < min(BY_SIZE):
        raise TooLittleText(
            f"{corpus} has {characters:,} characters, too few to learn from and be judged on; "
            f"bring {min(BY_SIZE):,} or more, better 100,000"
        )
    recipe = BY_SIZE[max(least for least in BY_SIZE if least <= characters)]
    length = min(round(READINGS * (1 - recipe.held_out) * characters), recipe.characters)
    return dataclasses.replace(recipe, corpus=corpus, characters=length)


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
