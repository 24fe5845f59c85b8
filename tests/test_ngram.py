"""Count tables: exact on a text small enough to count by hand, right on the book's corpora."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rnnbook.ngram import NGram, losses_by_order
from rnnbook.text import Alphabet, split_end

ABRACADABRA = torch.tensor([0, 1, 4, 0, 2, 0, 3, 0, 1, 4, 0])  # a b r a c a d a b r a


def test_unigrams_are_witten_bell_counts():
    # 5 a's, 2 b's, 1 c, 1 d, 2 r's of 11, and 5 kinds: P(a) = (5 + 5 · 1/5) / (11 + 5).
    p = NGram(ABRACADABRA, 1, 5).probabilities(torch.tensor([], dtype=torch.long))
    assert p.tolist() == pytest.approx([6 / 16, 3 / 16, 2 / 16, 2 / 16, 3 / 16])


def test_bigrams_interpolate_with_unigrams():
    # After a: b twice, c once, d once; three kinds in four. P(b | a) = (2 + 3 · 3/16) / 7.
    p = NGram(ABRACADABRA, 2, 5).probabilities(torch.tensor([4, 0]))
    assert p[1].item() == pytest.approx((2 + 3 * 3 / 16) / 7)
    assert p[0].item() == pytest.approx((3 * 6 / 16) / 7)


def test_a_history_never_seen_falls_back_to_a_shorter_one():
    table = NGram(ABRACADABRA, 3, 5)
    shorter = table.probabilities(torch.tensor([2]))
    assert torch.equal(table.probabilities(torch.tensor([2, 2])), shorter)


@given(
    tokens=st.lists(st.integers(0, 4), min_size=5, max_size=60),
    context=st.lists(st.integers(0, 6), max_size=6),
    order=st.integers(1, 5),
)
def test_probabilities_sum_to_one(tokens, context, order):
    table = NGram(torch.tensor(tokens), order, 7)
    p = table.probabilities(torch.tensor(context, dtype=torch.long))
    assert p.sum().item() == pytest.approx(1)
    assert p.min() > 0


@given(
    tokens=st.lists(st.integers(0, 3), min_size=6, max_size=60),
    scored=st.lists(st.integers(0, 3), min_size=2, max_size=30),
    order=st.integers(1, 5),
)
def test_the_loss_is_that_of_the_probabilities(tokens, scored, order):
    table, scored = NGram(torch.tensor(tokens), order, 4), torch.tensor(scored)
    p = [table.probabilities(scored[:i])[scored[i]] for i in range(1, len(scored))]
    assert table.loss_nats(scored) == pytest.approx(-torch.stack(p).log().mean().item())


def test_the_parameters_are_the_different_ngrams():
    assert NGram(ABRACADABRA, 1, 5).parameters == 5
    assert NGram(ABRACADABRA, 2, 5).parameters == 5 + 7  # ab br ra ac ca ad da


def test_a_truncated_table_is_the_table_of_that_order():
    high, low = NGram(ABRACADABRA, 4, 5), NGram(ABRACADABRA, 2, 5)
    assert high.truncated(2).parameters == low.parameters
    assert high.truncated(2).loss_nats(ABRACADABRA) == low.loss_nats(ABRACADABRA)
    assert high.order == 4
    with pytest.raises(ValueError, match="holds none of order 5"):
        high.truncated(5)


def test_history_counts_are_those_of_the_characters_before():
    #                                              b has no history of two, then ab ×2, br ×2, rb
    scored = torch.tensor([0, 1, 4, 1, 0])
    assert NGram(ABRACADABRA, 3, 5).history_counts(scored).tolist() == [0, 2, 2, 0]
    assert NGram(ABRACADABRA, 2, 5).history_counts(scored).tolist() == [4, 2, 2, 2]


def test_samples_follow_the_counts_and_the_seed():
    table = NGram(torch.tensor([0, 1] * 500), 2, 2)
    draw = [table.sample(400, torch.tensor([0]), torch.Generator().manual_seed(3)) for _ in "ab"]
    assert torch.equal(draw[0], draw[1])
    alternations = (draw[0][1:] != draw[0][:-1]).float().mean()
    assert alternations > 0.98


@pytest.mark.parametrize("order", [0, 12])
def test_an_impossible_order_is_refused(order):
    with pytest.raises(ValueError, match="cannot count"):
        NGram(ABRACADABRA, order, 5)


# The plays' row was computed when their text was registered; the others were published with
# the corpora, each trained on the first 95 % and scored on up to 200,000 characters of the rest.
PUBLISHED = {
    "plays": [3.290, 2.488, 2.035, 1.727, 1.587, 1.572],
    "tinyshakespeare": [3.361, 2.487, 2.082, 1.832, 1.742, 1.776],
    "martin_fierro": [3.059, 2.319, 1.957, 1.687, 1.596, 1.636],
    "wikipedia_sample": [2.860, 2.362, 1.970, 1.586, 1.361, 1.293],
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_table_is_met(name, corpus_text):
    text = corpus_text(name)
    alphabet = Alphabet.of(text)
    split = split_end(alphabet.encode(text), 0.05)
    losses = losses_by_order(split.train, split.held_out[:200_000], len(alphabet), range(1, 7))
    assert list(losses.values()) == pytest.approx(PUBLISHED[name], abs=0.002)
