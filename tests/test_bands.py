"""The loss bands of the Shakespeare chapter: broken models fall outside, any precision inside.

The adders' bands are tried in `test_summation`.
"""

import dataclasses

import pytest
import torch

from rnnbook import expect, ngram, recipes, training
from rnnbook.text import Alphabet, Split, split_end

BAND = "shakespeare, quick"


@pytest.fixture(scope="module")
def plays(corpus_text):
    text = corpus_text("plays")
    alphabet = Alphabet.of(text)
    return len(alphabet), split_end(alphabet.encode(text), 0.05)


def fails(loss: float) -> bool:
    with pytest.raises(AssertionError, match=BAND):
        expect.band(BAND, loss)
    return True


def test_an_untrained_model_falls_outside(plays):
    size, split = plays
    model = recipes.get("shakespeare", "quick").build(size)
    assert fails(training.evaluate(model, split.held_out[:20_000]))


def test_a_model_trained_on_shuffled_text_falls_outside(plays):
    size, split = plays
    order = torch.randperm(len(split.train), generator=torch.Generator().manual_seed(0))
    shuffled = Split(split.train[order], split.held_out[:20_000])
    recipe = dataclasses.replace(
        recipes.get("shakespeare", "quick"), characters=200_000, evaluations=2
    )
    model = recipe.build(size)
    history = training.fit(model, shuffled, recipe, progress=False)
    assert history.best_nats < 3.6  # it has learned how frequent the characters are
    assert fails(history.best_nats)


def test_every_count_table_falls_outside(plays):
    size, split = plays
    losses = ngram.losses_by_order(split.train, split.held_out, size)
    assert all(fails(loss) for loss in losses.values())


@pytest.mark.slow
def test_the_band_holds_in_float32(plays, capsys):
    size, split = plays
    recipe = recipes.get("shakespeare", "quick")
    history = training.fit(recipe.build(size), split, recipe, dtype=torch.float32, progress=False)
    expect.band(BAND, history.best_nats)
    assert "lies in" in capsys.readouterr().out


def test_every_band_says_how_it_was_found():
    for name, band in expect.BANDS.items():
        assert band.low < band.high, name
        assert len(band.how) > 40, name
