"""The hand-written layers compute PyTorch's own numbers, forwards and backwards."""

import pytest
import torch
from torch import nn

from rnnbook import bptt
from rnnbook.models import CharRNN

LAYERS = [nn.LSTM, nn.GRU]


def run(rnn, *arguments):
    """Compute the layers with their own weights."""
    return bptt.run(rnn, dict(rnn.named_parameters()), *arguments)


def measured(rnn: nn.RNNBase, batch: int, time: int, compute) -> dict[str, torch.Tensor]:
    """Outputs, last states and every gradient of one pass that uses all of them."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(batch, time, rnn.input_size, generator=generator).requires_grad_()
    parts = [
        torch.randn(rnn.num_layers, batch, rnn.hidden_size, generator=generator).requires_grad_()
        for _ in range(2 if isinstance(rnn, nn.LSTM) else 1)
    ]
    weights = torch.randn(batch, time, rnn.hidden_size, generator=generator)
    rnn.zero_grad()
    y, last = compute(rnn, x, tuple(parts) if len(parts) > 1 else parts[0])
    last = last if isinstance(last, tuple) else (last,)
    loss = (y.float() * weights).sum() + sum((part.float() ** 2).sum() for part in last)
    loss.backward()
    found = {"y": y, "x gradient": x.grad}
    found |= {f"last {n}": part for n, part in enumerate(last)}
    found |= {f"state gradient {n}": part.grad for n, part in enumerate(parts)}
    found |= {f"{name} gradient": p.grad.clone() for name, p in rnn.named_parameters()}
    return {name: tensor.detach().float() for name, tensor in found.items()}


def relative(actual: torch.Tensor, expected: torch.Tensor) -> float:
    return ((actual - expected).norm() / expected.norm()).item()


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("num_layers", [1, 2])
def test_in_float32_the_numbers_are_torchs(layer, num_layers):
    torch.manual_seed(1)
    rnn = layer(5, 7, num_layers, batch_first=True)
    expected = measured(rnn, 3, 11, lambda rnn, x, state: rnn(x, state))
    actual = measured(rnn, 3, 11, lambda rnn, x, state: run(rnn, x, state, torch.float32))
    for name, tensor in expected.items():
        torch.testing.assert_close(actual[name], tensor, msg=lambda text, n=name: f"{n}: {text}")


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("hidden", [96, 1024])
def test_in_bfloat16_gradients_stay_near_those_of_float32(layer, hidden):
    # On CPUs with AMX, PyTorch 2.13's own LSTM is 20 % off here at 1,024 units.
    torch.manual_seed(1)
    rnn = layer(16, hidden, batch_first=True)
    expected = measured(rnn, 4, 10, lambda rnn, x, state: rnn(x, state))
    actual = measured(rnn, 4, 10, lambda rnn, x, state: run(rnn, x, state))
    for name, tensor in expected.items():
        assert relative(actual[name], tensor) < 0.01, name


@pytest.mark.parametrize("layer", LAYERS)
def test_no_state_is_a_state_of_zeros_and_the_state_goes_on(layer):
    rnn = layer(3, 8, 2, batch_first=True)
    x = torch.randn(2, 9, 3)
    whole, last = run(rnn, x, None, torch.float32)
    first, state = run(rnn, x[:, :4], None, torch.float32)
    rest, end = run(rnn, x[:, 4:], state, torch.float32)
    torch.testing.assert_close(torch.cat([first, rest], dim=1), whole)
    torch.testing.assert_close(end, last)


def test_dropout_between_layers_only_in_training():
    rnn = nn.LSTM(3, 32, 2, batch_first=True, dropout=0.5)
    x = torch.randn(2, 9, 3)
    one, other = (run(rnn, x, None)[0] for _ in range(2))
    assert not torch.equal(one, other)
    rnn.eval()
    one, other = (run(rnn, x, None)[0] for _ in range(2))
    assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("cell", "hidden", "autocast", "grad", "expected"),
    [
        ("lstm", 1024, True, True, True),
        ("gru", 8, True, True, True),
        ("lstm", 8, True, True, False),
        ("vanilla", 8, True, True, False),
        ("lstm", 1024, False, True, False),
        ("gru", 8, True, False, False),
    ],
)
def test_a_model_uses_them_only_to_train_in_low_precision(cell, hidden, autocast, grad, expected):
    model = CharRNN(5, cell=cell, hidden_size=hidden)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast), torch.set_grad_enabled(grad):
        assert bptt.applies_to(model.rnn, torch.zeros(1, 1, 5)) is expected
        logits, _ = model(torch.zeros(1, 4, dtype=torch.int64))
    if expected:
        assert "ThroughTime" in _names(logits.grad_fn)


def _names(node: torch.autograd.graph.Node) -> str:
    """Names of all operations a result came from."""
    return " ".join([type(node).__name__, *(_names(n) for n, _ in node.next_functions if n)])


@pytest.mark.parametrize("cell", ["vanilla", "lstm", "gru"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_weight_dropout_drops_memory_in_training_only(cell, dtype):
    torch.manual_seed(0)
    model = CharRNN(5, cell=cell, hidden_size=64, num_layers=2, weight_dropout=0.3)
    plain = CharRNN(5, cell=cell, hidden_size=64, num_layers=2)
    plain.load_state_dict(model.state_dict())
    tokens = torch.randint(0, 5, (3, 12))
    with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        one, other = (model.train()(tokens)[0] for _ in range(2))
        assert not torch.equal(one, other)
        assert torch.equal(model.eval()(tokens)[0], plain.eval()(tokens)[0])
        model.train()(tokens)[0].float().square().sum().backward()
    for name, weight in model.rnn.named_parameters():
        untouched = (weight.grad == 0).float().mean().item()
        expected = 0.3 if name.startswith("weight_hh") else 0.0
        assert untouched == pytest.approx(expected, abs=0.03), name


def test_input_dropout_hides_characters_in_training_only():
    torch.manual_seed(0)
    model = CharRNN(5, cell="vanilla", hidden_size=8, input_dropout=0.4)
    seen = []
    model.rnn.register_forward_pre_hook(lambda rnn, inputs: seen.append(inputs[0]))
    tokens = torch.randint(0, 5, (20, 50))
    model.train()(tokens)
    model.eval()(tokens)
    dropped, whole = seen
    assert torch.equal(whole.argmax(-1), tokens)
    assert (dropped == 0).all(-1).float().mean().item() == pytest.approx(0.4, abs=0.05)
    assert dropped.max().item() == pytest.approx(1 / 0.6)
