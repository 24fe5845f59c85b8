"""Samples follow the model, the settings and the seed."""

import unicodedata
from itertools import islice

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbook.models import CharRNN
from rnnbook.sampling import Sampler, distribution
from rnnbook.text import Alphabet, UnknownCharacters

LOGITS = torch.tensor([2.0, 1.0, 0.0, -1.0])


@pytest.fixture
def sampler():
    torch.manual_seed(0)
    model = CharRNN(4, hidden_size=16, num_layers=2, dropout=0.5)
    with torch.no_grad():
        model.head.weight.mul_(20)  # opinions strong enough for settings to matter
    return Sampler(model, Alphabet("abcd"))


def test_temperature_divides_the_scores():
    expected = torch.softmax(LOGITS.double() / 0.5, 0)
    assert torch.allclose(distribution(LOGITS, temperature=0.5), expected)


def test_temperature_zero_is_argmax():
    assert distribution(LOGITS, temperature=0).tolist() == [1, 0, 0, 0]


def test_top_k_keeps_the_k_most_likely():
    p = distribution(LOGITS, top_k=2)
    assert p.tolist() == pytest.approx([0.7311, 0.2689, 0, 0], abs=1e-4)


def test_top_k_breaks_ties_without_keeping_more():
    assert (distribution(torch.zeros(5), top_k=2) > 0).sum() == 2


def test_top_p_keeps_the_fewest_that_reach_it():
    p = torch.softmax(LOGITS, 0)  # 0.644, 0.237, 0.087, 0.032
    assert (distribution(LOGITS, top_p=0.6) > 0).tolist() == [True, False, False, False]
    assert (distribution(LOGITS, top_p=0.7) > 0).tolist() == [True, True, False, False]
    assert torch.allclose(distribution(LOGITS, top_p=1.0), p.double())


@given(
    logits=st.lists(st.floats(-50, 50), min_size=1, max_size=20),
    temperature=st.floats(0, 5),
    top_k=st.none() | st.integers(1, 30),
    top_p=st.none() | st.floats(0.001, 1),
)
def test_every_setting_gives_a_distribution(logits, temperature, top_k, top_p):
    scores = torch.tensor(logits)
    p = distribution(scores, temperature=temperature, top_k=top_k, top_p=top_p)
    assert p.sum().item() == pytest.approx(1)
    assert p[scores.argmax()] > 0


@pytest.mark.parametrize(
    "wrong",
    [{"temperature": -1}, {"temperature": float("nan")}, {"top_k": 0}, {"top_p": 0}, {"top_p": 2}],
)
def test_settings_out_of_range_are_named(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        distribution(LOGITS, **wrong)


def test_the_seed_decides_the_text(sampler):
    first, again, other = (sampler.sample("ab", 80, seed=s) for s in (1, 1, 2))
    assert first == again != other
    assert len(first) == 80


def test_temperature_zero_follows_the_model_step_by_step(sampler):
    text = sampler.sample("ab", 30, temperature=0)
    for i in range(30):
        with torch.inference_mode():
            logits, _ = sampler.model(sampler.alphabet.encode("ab" + text[:i])[None])
        assert sampler.alphabet.characters[logits[0, -1].argmax()] == text[i]


def test_streaming_and_sampling_give_the_same_text(sampler):
    streamed = "".join(c for (c,) in islice(sampler.stream("a", seed=5), 40))
    assert streamed == sampler.sample("a", 40, seed=5)


def test_streams_differ_from_one_another_and_follow_the_prompt(sampler):
    texts = sampler.sample_many("abcd", 50, 6, temperature=1.5)
    assert len(set(texts)) == 6
    assert (
        sampler.sample_many("abcd", 50, 3, temperature=0)
        == [sampler.sample("abcd", 50, temperature=0)] * 3
    )


def test_sampled_frequencies_are_the_model_s(sampler):
    with torch.inference_mode():
        logits, _ = sampler.model(sampler.alphabet.encode("a")[None])
    p = distribution(logits[0, -1], temperature=2.0)
    texts = sampler.sample_many("a", 1, 4000, temperature=2.0)
    for letter, probability in zip("abcd", p.tolist(), strict=True):
        assert texts.count(letter) / 4000 == pytest.approx(probability, abs=0.04)


def test_dropout_is_off_while_sampling(sampler):
    sampler.model.train()
    assert not Sampler(sampler.model, sampler.alphabet).model.training


def test_unknown_characters_in_the_prompt_are_named(sampler):
    with pytest.raises(UnknownCharacters, match="'ñ'"):
        sampler.sample("añ", 3)


def test_accents_apart_from_their_letters_are_the_same_prompt():
    torch.manual_seed(0)
    sampler = Sampler(CharRNN(3, hidden_size=8), Alphabet("eñ\n"))
    assert sampler.sample("n\u0303e", 40) == sampler.sample("\u00f1e", 40)


def test_an_empty_prompt_and_a_negative_length_are_refused(sampler):
    with pytest.raises(ValueError, match="prompt is empty"):
        sampler.sample("", 3)
    with pytest.raises(ValueError, match="length"):
        sampler.sample("a", -1)
    assert sampler.sample("a", 0) == ""


def test_a_text_ends_where_its_end_is_drawn(sampler):
    until = sampler.sample_until("bc", "b", 40, 60, temperature=1.5, seed=3)
    whole = sampler.sample_many("b", 40, 60, temperature=1.5, seed=3)
    assert until == [text.split("bc")[0] for text in whole]
    assert any(text.startswith("c") for text in until)  # the b of the prompt does not count
    assert len({len(text) for text in until}) > 3
    assert any(len(text) == 40 for text in sampler.sample_until("dcba", "a", 40, 30))
    with pytest.raises(ValueError, match="1 or more"):
        sampler.sample_until("ab", "a", 0)


WRITING = st.text(st.characters(), min_size=1, max_size=20)


@settings(deadline=None)
@given(learned=WRITING, other=WRITING, seed=st.integers(0, 3))
def test_any_prompt_is_gone_on_from_or_refused_by_name(learned, other, seed):
    torch.manual_seed(0)
    alphabet = Alphabet.of(learned)
    sampler = Sampler(CharRNN(len(alphabet), hidden_size=8), alphabet)
    for prompt in (learned, other):
        if set(unicodedata.normalize("NFC", prompt)) <= set(alphabet.characters):
            written = sampler.sample(prompt, 5, seed=seed)
            assert len(written) == 5
            assert set(written) <= set(alphabet.characters)
            assert sampler.sample(prompt, 5, seed=seed) == written
        else:
            with pytest.raises(UnknownCharacters, match="the alphabet lacks"):
                sampler.sample(prompt, 5, seed=seed)


@settings(deadline=None)
@given(learned=WRITING, end=WRITING.map(lambda text: text[:2]), streams=st.integers(1, 3))
def test_any_end_closes_a_text_where_it_first_stands(learned, end, streams):
    learned = unicodedata.normalize("NFC", learned)
    torch.manual_seed(0)
    sampler = Sampler(CharRNN(len(set(learned)), hidden_size=8), Alphabet.of(learned))
    whole = sampler.sample_many(learned, 12, streams, temperature=2.0)
    until = sampler.sample_until(end, learned, 12, streams, temperature=2.0)
    assert until == [text.split(end)[0] for text in whole]
