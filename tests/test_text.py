"""Alphabets round-trip, streams lose nothing, splits do not leak."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rnnbook.text import (
    Alphabet,
    Streams,
    UnknownCharacters,
    split_chunks,
    split_end,
    split_middle,
)


@given(st.text(st.characters(), min_size=1))
def test_any_unicode_text_survives_a_round_trip(text):
    alphabet = Alphabet.of(text)
    assert alphabet.decode(alphabet.encode(text)) == text
    assert len(alphabet) == len(set(text))


def test_lone_surrogates_and_nul_survive():
    text = "a\x00\ud800b\U0010ffff"
    alphabet = Alphabet.of(text)
    assert alphabet.decode(alphabet.encode(text)) == text


def test_an_unsorted_alphabet_keeps_its_own_indices():
    assert Alphabet("zab").encode("abz").tolist() == [1, 2, 0]


def test_unknown_characters_are_shown_by_name():
    with pytest.raises(UnknownCharacters, match=r"2 characters.*'ñ' \(LATIN SMALL LETTER N WITH"):
        Alphabet("abc").encode("añbé")


def test_unknown_characters_become_the_replacement_when_asked():
    alphabet = Alphabet("abc?")
    assert alphabet.decode(alphabet.encode("añb", replacement="?")) == "a?b"
    with pytest.raises(UnknownCharacters):
        alphabet.encode("añb", replacement="!")


def test_an_empty_text_encodes_to_nothing():
    assert Alphabet("abc").encode("").tolist() == []


@pytest.mark.parametrize("characters", ["", "aba"])
def test_an_alphabet_needs_distinct_characters(characters):
    with pytest.raises(ValueError, match="each of them once"):
        Alphabet(characters)


@given(
    size=st.integers(2, 400),
    batch_size=st.integers(1, 7),
    unroll=st.integers(1, 30),
    seed=st.none() | st.integers(0, 5),
)
def test_streams_read_every_character_once_and_in_order(size, batch_size, unroll, seed):
    tokens = torch.arange(size)
    if (size - 1) // batch_size < 1:
        with pytest.raises(ValueError, match="cannot feed"):
            Streams(tokens, batch_size, unroll)
        return
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    batches = list(Streams(tokens, batch_size, unroll).epoch(generator))
    inputs = torch.cat([x for x, _ in batches], dim=1)
    targets = torch.cat([y for _, y in batches], dim=1)
    # Each row is contiguous across batches, and rows follow one another through the text.
    assert inputs.flatten().tolist() == list(range(inputs.numel()))
    assert torch.equal(targets, inputs + 1)
    assert size - 1 - inputs.numel() < batch_size
    assert all(x.shape[1] <= unroll for x, _ in batches)


def test_random_offsets_cut_batches_at_other_places_each_epoch():
    streams = Streams(torch.arange(1001), 2, 50)
    generator = torch.Generator().manual_seed(0)
    first = {next(streams.epoch(generator))[0].shape[1] for _ in range(20)}
    assert len(first) > 5


def test_a_split_is_contiguous_and_shares_nothing():
    split = split_end(torch.arange(1000), 0.05)
    assert torch.equal(torch.cat([split.train, split.held_out]), torch.arange(1000))
    assert len(split.held_out) == 50


@pytest.mark.parametrize("fraction", [0.0, 1.0, 0.0001])
def test_a_split_without_two_parts_is_refused(fraction):
    with pytest.raises(ValueError, match="hold out"):
        split_end(torch.arange(1000), fraction)


def test_a_stretch_from_the_middle_is_contiguous_and_shares_nothing():
    split = split_middle(torch.arange(1000), 0.05, 400)
    assert split.held_out.tolist() == list(range(400, 450))
    assert split.train.tolist() == [*range(400), *range(450, 1000)]


@pytest.mark.parametrize(("fraction", "start"), [(0.0, 5), (0.1, 0), (0.1, 900), (1.0, 1)])
def test_a_middle_without_text_on_both_sides_is_refused(fraction, start):
    with pytest.raises(ValueError, match=f"from {start} on"):
        split_middle(torch.arange(1000), fraction, start)


def test_random_chunks_stand_between_those_that_are_trained_on():
    tokens = torch.arange(4 * 1001)
    split = split_chunks(tokens, 0.1, streams=4, length=10, seed=0)
    assert split.held_out.shape == (4 * 10, 11)
    assert torch.equal(split.held_out[:, 1:], split.held_out[:, :-1] + 1)
    # The same places are held out in all four stretches, and what is not held out is trained on.
    assert len(set((split.held_out[:, 0] % 1001).tolist())) == 10
    parts = torch.cat([split.train, split.held_out[:, :-1].flatten()])
    assert sorted(parts.tolist()) == [i for i in range(4 * 1001) if i % 1001 < 1000]
    assert torch.equal(split.train, split.train.sort().values)
    other = split_chunks(tokens, 0.1, streams=4, length=10, seed=1)
    assert not torch.equal(split.held_out, other.held_out)


@pytest.mark.parametrize("fraction", [0.0, 1.0])
def test_chunks_without_two_parts_are_refused(fraction):
    with pytest.raises(ValueError, match="hold out"):
        split_chunks(torch.arange(1000), fraction, streams=4, length=10, seed=0)
