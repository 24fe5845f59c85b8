"""A stepper scores as the model it was made from, one character at a time."""

import pytest
import torch

from rnnbook.models import CharRNN
from rnnbook.stepping import Stepper

V = 37
KINDS = [
    pytest.param({"cell": cell, "num_layers": layers, "embedding_size": size}, id=f"{cell}-{name}")
    for cell in ("vanilla", "lstm", "gru")
    for layers, size, name in ((1, None, "one layer"), (1, 20, "embedding"), (3, 20, "three"))
]


def trained_enough(**settings):
    """Return a model whose scores are as far apart as a trained one's."""
    torch.manual_seed(0)
    model = CharRNN(V, hidden_size=48, dropout=0.3, **settings).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)
        model.head.weight.mul_(5)
    return model


@pytest.fixture
def tokens():
    return torch.randint(0, V, (4, 300), generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def stepped(model, tokens, **settings):
    """Score all positions (S, T) step by step, from the state of zeros."""
    step = Stepper(model, streams=len(tokens), **settings)
    return torch.stack([step(column).clone() for column in tokens.unbind(1)], dim=1)


@torch.no_grad()
def scored(model, tokens):
    return model(tokens)[0]


@pytest.mark.parametrize("settings", KINDS)
@pytest.mark.parametrize("streams", [1, 4])
def test_scores_are_the_model_s_over_300_steps(settings, streams, tokens):
    model = trained_enough(**settings)
    actual, expected = stepped(model, tokens[:streams]), scored(model, tokens[:streams])
    assert expected.std() > 0.5
    torch.testing.assert_close(actual, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("settings", KINDS)
@pytest.mark.parametrize(("dtype", "nats"), [(torch.float16, 1e-5), (torch.bfloat16, 1e-3)])
def test_narrow_weights_hardly_change_the_distribution(settings, dtype, nats, tokens):
    model = trained_enough(**settings)
    q = stepped(model, tokens[:1], dtype=dtype).log_softmax(-1)
    p = scored(model, tokens[:1]).log_softmax(-1)
    divergence = (p.exp() * (p - q)).sum(-1)  # Kullback–Leibler, nats a character
    assert divergence.mean() < nats


@pytest.mark.parametrize("cell", ["vanilla", "lstm", "gru"])
@pytest.mark.parametrize("streams", [1, 4])
def test_a_state_of_the_model_goes_on_in_the_stepper(cell, streams, tokens):
    model = trained_enough(cell=cell, num_layers=2)
    with torch.no_grad():
        _, state = model(tokens[:streams, :100])
        expected, _ = model(tokens[:streams, 100:101], state)
    step = Stepper(model, streams=streams)
    step(tokens[:streams, 0])  # what was read before does not matter
    step.load(state)
    torch.testing.assert_close(step(tokens[:streams, 100]), expected[:, 0], atol=1e-4, rtol=0)


def test_one_state_serves_all_streams(tokens):
    model = trained_enough(cell="lstm")
    with torch.no_grad():
        _, state = model(tokens[:1])
    step = Stepper(model, streams=3)
    step.load(state)
    scores = step(torch.tensor([5, 5, 6]))
    assert torch.equal(scores[0], scores[1])
    assert not torch.allclose(scores[0], scores[2])


def test_training_the_model_further_does_not_change_a_stepper(tokens):
    model = trained_enough(cell="gru", num_layers=2)
    steppers = [Stepper(model, streams=streams) for streams in (1, 2)]
    expected = scored(model, tokens[:2, :1])[:, 0]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    for streams, step in enumerate(steppers, start=1):
        actual = step(tokens[:streams, 0])
        torch.testing.assert_close(actual, expected[:streams], atol=1e-4, rtol=0)
