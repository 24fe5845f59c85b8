"""Copied runs and n-grams: against brute force, and on the poem."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbook.copying import copied_share, longest_copied_run

FEW_LETTERS = st.text("ab\n", max_size=25)


def shared_runs(sample: str, text: str) -> set[str]:
    """Every run of one that stands in the other, found the slow way."""
    runs = {sample[i:j] for i in range(len(sample)) for j in range(i, len(sample) + 1)}
    return {run for run in runs | {""} if run in text}


@given(FEW_LETTERS, FEW_LETTERS)
def test_the_longest_run_is_the_one_found_the_slow_way(sample, text):
    runs = shared_runs(sample, text)
    longest = max(map(len, runs))
    first = min((run for run in runs if len(run) == longest), key=text.index)
    assert longest_copied_run(sample, text) == first


@given(FEW_LETTERS, FEW_LETTERS, st.integers(1, 6))
def test_the_share_is_the_one_counted_the_slow_way(sample, text, length):
    grams = [sample[i : i + length] for i in range(len(sample) - length + 1)]
    expected = sum(gram in text for gram in grams) / max(1, len(grams))
    assert copied_share(sample, text, length) == pytest.approx(expected)


@given(st.text(), st.text())
def test_any_text_can_be_measured(sample, text):
    assert longest_copied_run(sample, text) in text
    assert 0 <= copied_share(sample, text) <= 1


def test_a_repeated_n_gram_counts_each_time():
    assert copied_share("ababxx", "ab", length=2) == pytest.approx(2 / 5)


def test_an_n_gram_has_a_character():
    with pytest.raises(ValueError, match="at least 1 character, not 0"):
        copied_share("a", "a", length=0)


def test_what_is_cut_out_of_the_poem_is_all_copied(corpus_text):
    poem = corpus_text("martin_fierro")
    sample = poem[50_000:60_000]
    assert copied_share(sample, poem) == 1
    assert longest_copied_run(sample, poem) == sample


def test_a_stanza_pasted_between_other_words_is_found(corpus_text):
    poem = corpus_text("martin_fierro")
    stanza = poem[90_000:90_150]
    sample = "zzz" * 100 + stanza + "zzz" * 100
    assert longest_copied_run(sample, poem) == stanza
    assert copied_share(sample, poem) == pytest.approx((150 - 19) / (len(sample) - 19))


def test_the_poem_backwards_is_not_copied(corpus_text):
    poem = corpus_text("martin_fierro")
    backwards = poem[50_000:60_000][::-1]
    assert copied_share(backwards, poem) == 0
    assert len(longest_copied_run(backwards, poem)) < 20
