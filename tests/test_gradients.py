"""Gradients on their way back: what is measured is what autograd says, and it fades or grows."""

import pytest
import torch
from torch import nn

from rnnbook import gradients, widgets
from rnnbook.feedback import HiddenFeedback


@pytest.mark.parametrize("combine", ["sum", "concat"])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_a_nudge_of_an_earlier_state_moves_the_loss_as_the_gradient_says(combine, activation):
    torch.manual_seed(0)
    model = HiddenFeedback(5, 7, combine, activation).double()
    row = torch.randint(0, 5, (1, 9))
    norms = gradients.by_distance(model, row)
    assert norms.shape == (8,)
    k, small = 3, 1e-6

    def loss(h):  # of the last character, from the state k steps earlier on
        logits, _ = run(h, row[:, -1 - k : -1])
        return nn.functional.cross_entropy(logits[:, -1], row[:, -1])

    def run(h, tokens):
        x = nn.functional.one_hot(tokens, 5).double()
        y, h = torch.func.functional_call(model.rnn, model.recurrent_weights(), (x, h))
        return model.head(y), h

    with torch.no_grad():
        _, h = run(torch.zeros(1, 1, 7, dtype=torch.double), row[:, : -1 - k])
        slopes = torch.stack(
            [(loss(h + nudge) - loss(h - nudge)) / (2 * small) for nudge in small * torch.eye(7)]
        )
    assert norms[k].item() == pytest.approx(slopes.norm().item(), rel=1e-5)


def test_weak_memories_fade_and_strong_ones_explode():
    rows = torch.randint(0, 27, (8, 42), generator=torch.Generator().manual_seed(0))
    change = {}
    for activation, scale in (("tanh", 0.6), ("tanh", 2.0), ("relu", 0.6), ("relu", 2.5)):
        norms = gradients.by_distance(gradients.random_network(activation, scale), rows)
        change[activation, scale] = (norms[-1] / norms[0]).item()
    assert change["tanh", 0.6] < 1e-6
    assert change["relu", 0.6] < 1e-6
    assert change["relu", 2.5] > 10
    # The slope of tanh falls where the states grow: it never explodes as ReLU does.
    assert change["tanh", 0.6] < change["tanh", 2.0] < change["relu", 2.5]


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_the_scale_is_the_spectral_radius(scale):
    recurrent = gradients.random_network("tanh", scale).rnn.weight_hh_l0
    assert torch.linalg.eigvals(recurrent).abs().max().item() == pytest.approx(scale, rel=1e-4)


def test_beyond_the_unrolling_there_is_no_gradient():
    norms, text = widgets.fate("tanh", 1.0, unroll=10)
    assert norms.shape == (51,)
    assert (norms[:10] > 0).all()
    assert not norms[10:].any()
    assert "after 9 steps back" in text
    assert f"{(norms[9] / norms[0]).item():.1e}" in text
