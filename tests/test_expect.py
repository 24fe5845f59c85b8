"""Checks print one steady line, and fail with the number they found."""

import pytest
import torch

from rnnbook import expect


@pytest.fixture
def band(monkeypatch):
    monkeypatch.setitem(expect.BANDS, "a loss", expect.Band(1.5, 1.7, "nats/char", "made up"))


@pytest.mark.parametrize("value", [1.5, 1.6123456, 1.7])
def test_inside_a_band_the_line_never_changes(band, capsys, value):
    expect.band("a loss", value)
    assert capsys.readouterr().out == "✓ a loss lies in 1.5 to 1.7 nats/char\n"


@pytest.mark.parametrize("value", [1.4999, 1.7001, float("nan"), float("inf")])
def test_outside_a_band_the_number_is_told(band, value):
    with pytest.raises(AssertionError, match=f"a loss is {value:.6g}"):
        expect.band("a loss", value)


def test_shapes(capsys):
    expect.shape("logits", torch.zeros(2, 3), (2, 3))
    assert capsys.readouterr().out == "✓ logits has shape (2, 3)\n"
    with pytest.raises(AssertionError, match=r"shape \(2, 3\), expected \(3, 2\)"):
        expect.shape("logits", torch.zeros(2, 3), (3, 2))


def test_closeness(capsys):
    one = torch.ones(2)
    expect.close("both", one, one + 1e-7, 1e-6)
    assert capsys.readouterr().out == "✓ both agree within 1e-06\n"
    with pytest.raises(AssertionError, match="both"):
        expect.close("both", one, one + 1e-5, 1e-6)
    with pytest.raises(AssertionError, match="both"):
        expect.close("both", one, torch.ones(3), 1e-6)


def test_statements(capsys):
    expect.true("water is wet", True)
    assert capsys.readouterr().out == "✓ water is wet\n"
    with pytest.raises(AssertionError, match="water is dry: does not hold"):
        expect.true("water is dry", False)
