"""Recipes for a text of your own, chosen by how much of it there is."""

import dataclasses

from rnnbook.recipe import Recipe


class TooLittleText(ValueError):
    """A text too short to learn from and to be judged on."""


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
