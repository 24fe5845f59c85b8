"""The loss bands of the text chapters: broken models fall outside, any precision inside.

The adders' bands are tried in `test_summation`.
"""

import dataclasses
from typing import NamedTuple

import pytest
import torch

from rnnbook import expect, ngram, recipes, runs, training
from rnnbook.recipe import Recipe
from rnnbook.text import Alphabet, Split


class Chapter(NamedTuple):
    """A band and what it is about."""

    band: str
    recipe: Recipe
    size: int
    split: Split
    tables: dict[int, float]

    def fails(self, loss: float) -> bool:
        with pytest.raises(AssertionError, match=self.band):
            expect.band(self.band, loss)
        return True


BANDS = {
    "martin_fierro, quick": "martin_fierro",
    "shakespeare, quick": "shakespeare",
    "tunes, quick": "tunes",
    "vanilla, state fed back": "vanilla_sum",
}


@pytest.fixture(scope="module", params=BANDS)
def chapter(request, corpus_text):
    recipe = recipes.get(BANDS[request.param], "quick")
    text = corpus_text(recipe.corpus)
    alphabet = Alphabet.of(text)
    split = runs.split_by(dataclasses.asdict(recipe), alphabet.encode(text))
    tables = ngram.losses_by_order(split.train, split.held_out, len(alphabet))
    return Chapter(request.param, recipe, len(alphabet), split, tables)


def test_an_untrained_model_falls_outside(chapter):
    model = chapter.recipe.build(chapter.size)
    assert chapter.fails(training.evaluate(model, chapter.split.held_out[:20_000]))


def test_a_model_trained_on_shuffled_text_falls_outside(chapter):
    train, held_out = chapter.split.train, chapter.split.held_out
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))
    shuffled = Split(train[order], held_out[:20_000])
    recipe = dataclasses.replace(chapter.recipe, characters=200_000, evaluations=2)
    history = training.fit(recipe.build(chapter.size), shuffled, recipe, progress=False)
    # It has learned how frequent letters are: in shuffled text there is no more to learn.
    assert history.train_nats[-1] < chapter.tables[1] + 0.3
    assert chapter.fails(history.best_nats)


def test_every_count_table_falls_outside(chapter):
    assert all(chapter.fails(loss) for loss in chapter.tables.values())


@pytest.mark.slow
def test_the_band_holds_in_float32(chapter, capsys):
    model = chapter.recipe.build(chapter.size)
    settings = {"dtype": torch.float32, "progress": False}
    history = training.fit(model, chapter.split, chapter.recipe, **settings)
    expect.band(chapter.band, history.best_nats)
    assert "lies in" in capsys.readouterr().out


def test_every_band_says_how_it_was_found():
    for name, band in expect.BANDS.items():
        assert band.low < band.high, name
        assert len(band.how) > 40, name
