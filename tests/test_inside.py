"""What is found inside a network is there, and what is not there is not found."""

import pytest
import torch

from rnnbook.inside import correlations, find_unit, linear_probe, states_at, trace
from rnnbook.models import CharRNN
from rnnbook.text import Alphabet


def test_a_trace_is_what_the_model_does():
    torch.manual_seed(0)
    model, alphabet = CharRNN(3, hidden_size=5, num_layers=2, dropout=0.5), Alphabet("abc")
    seen = trace(model, alphabet, "abcacb")
    with torch.no_grad():
        logits, _ = model.eval()(alphabet.encode("abcacb")[None])
        y, _ = model.rnn(torch.eye(3)[alphabet.encode("abcacb")][None])
    torch.testing.assert_close(seen.probabilities, logits[0].softmax(-1))
    torch.testing.assert_close(seen.units, y[0])


def test_states_of_many_texts_are_those_of_each():
    torch.manual_seed(0)
    model, alphabet = CharRNN(3, hidden_size=5), Alphabet("abc")
    texts, places = ["abcacb", "ccb"] * 150, [(1, 6), (2, 3)] * 150
    states = states_at(model, alphabet, texts, places)
    assert states.shape == (300, 2, 5)
    for row in (0, 1, 298, 299):
        expected = trace(model, alphabet, texts[row]).units[[at - 1 for at in places[row]]]
        torch.testing.assert_close(states[row], expected)


def test_correlations_are_those_of_the_textbook():
    torch.manual_seed(1)
    units = torch.randn(50, 4)
    feature = torch.randn(50) + units[:, 2]
    stacked = torch.cat([feature[None], units.T])
    torch.testing.assert_close(correlations(units, feature), stacked.corrcoef()[0, 1:])
    assert correlations(torch.ones(50, 1), feature).tolist() == [0]


def test_the_unit_that_follows_is_found_and_holds_elsewhere():
    torch.manual_seed(2)
    units = torch.randn(4000, 64)
    feature = torch.randn(4000)
    units[:, 40] -= 2 * feature
    found = find_unit(units, feature)
    assert found.unit == 40
    assert found.r == pytest.approx(-0.89, abs=0.02)
    assert found.r_elsewhere == pytest.approx(found.r, abs=0.02)
    assert found.r_chance < 0.1


def test_a_unit_chosen_from_noise_does_not_hold_elsewhere():
    torch.manual_seed(3)
    found = find_unit(torch.randn(200, 500), torch.randn(200))
    assert abs(found.r) > 0.2
    assert abs(found.r_elsewhere) < abs(found.r) - 0.1
    assert found.r_chance == pytest.approx(abs(found.r), abs=0.1)


def test_a_probe_reads_classes_that_a_line_divides_and_no_others():
    torch.manual_seed(4)
    states = torch.randn(600, 20)
    divided = (states[:, 3] + states[:, 5] > 0).long()
    guessed = linear_probe(states[:400], divided[:400], states[400:])
    assert (guessed == divided[400:]).float().mean() > 0.9
    noise = torch.randint(2, (600,))
    guessed = linear_probe(states[:400], noise[:400], states[400:])
    assert (guessed == noise[400:]).float().mean() < 0.6
