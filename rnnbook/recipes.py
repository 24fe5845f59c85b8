"""Every named configuration of the book, quick and full.

*Quick* trains inside a chapter, in a minute or less on two CPU cores. *Full* is the size of
the tutorial that the chapter reproduces.
"""

import dataclasses

from rnnbook.recipe import Recipe


class UnknownRecipe(KeyError):
    """No recipe has this name or preset."""

    def __str__(self) -> str:
        """Return the message without the quotes that `KeyError` adds."""
        return self.args[0]


# The last 200 tunes; half a character more, so that rounding down finds them.
HELD_OUT_TUNES = 48_016.5 / 901_235
# The last three cantos of Martín Fierro, a little more than 5 %; then as the talk has them.
HELD_OUT_CANTOS = 9_915.5 / 187_095
HELD_OUT_CANTOS_TALK = 11_078.5 / 208_161

_SHAKESPEARE = Recipe(
    corpus="plays",
    characters=32_000_000,
    hidden_size=1024,
    embedding_size=256,
    dropout=0.2,
    weight_dropout=0.15,
    batch_size=32,
    unroll=64,
    evaluations=16,
    weight_decay=0.01,
)
# Chapter 4's tutorial, but for this: batches come in the order of the text, not at random, they
# are cut at other places in each reading, and there are 11 readings: its best came after as many.
_SHAKESPEARE_SOURCE = Recipe(
    corpus="plays",
    characters=11 * 4_435_200,
    evaluations=11,
    split="chunks",
    hidden_size=1024,
    embedding_size=256,
    learning_rate=1e-3,
    schedule="constant",
    clip=None,
    carry_state=False,
)
_TINYSHAKESPEARE = Recipe(
    corpus="tinyshakespeare",
    characters=24_000_000,
    held_out=0.1,
    num_layers=2,
    dropout=0.4,
    weight_dropout=0.25,
    batch_size=32,
    weight_decay=0.01,
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
_MARTIN_FIERRO = Recipe(
    corpus="martin_fierro",
    characters=8_000_000,
    held_out=HELD_OUT_CANTOS,
    dropout=0.3,
    weight_dropout=0.5,
    # Many small updates: the text is so short that its length, not the machine, sets the limit.
    batch_size=8,
    unroll=32,
    evaluations=40,
    patience=40,
)
# Chapters 6 and 7: the talk's network and rules. It reads the poem 400 times, the tunes 20 times.
_MARTIN_FIERRO_TALK = Recipe(
    corpus="poesia_gauchesca",
    characters=400 * 197_000,
    held_out=HELD_OUT_CANTOS_TALK,
    cell="gru",
    num_layers=3,
    dropout=0.3,
    input_dropout=0.3,
    batch_size=200,
    unroll=128,
    evaluations=80,
    learning_rate=1e-3,
    schedule="constant",
    clip=None,
    patience=80,
)
_TUNES_TALK = dataclasses.replace(
    _MARTIN_FIERRO_TALK,
    corpus="tune_book",
    characters=20 * 853_219,
    held_out=HELD_OUT_TUNES,
    evaluations=20,
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
            weight_dropout=0.0,
            batch_size=64,
            weight_decay=0.0,
            evaluations=5,
        ),
        "full": _TINYSHAKESPEARE,
    },
    "martin_fierro": {
        "quick": dataclasses.replace(
            _MARTIN_FIERRO,
            characters=1_200_000,
            hidden_size=256,
            embedding_size=32,
            dropout=0.1,
            weight_dropout=0.0,
            unroll=64,
            evaluations=6,
            patience=6,
            learning_rate=5e-3,
        ),
        "full": _MARTIN_FIERRO,
    },
    "martin_fierro_talk": {
        "quick": dataclasses.replace(
            _MARTIN_FIERRO_TALK,
            characters=1_280_000,
            hidden_size=128,
            batch_size=50,
            evaluations=5,
            patience=5,
        ),
        "full": _MARTIN_FIERRO_TALK,
    },
    "tunes": {
        "quick": dataclasses.replace(
            _TUNES,
            characters=2_000_000,
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
