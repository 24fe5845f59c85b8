"""Checks for notebooks: each prints one steady line, or fails with the number it found.

nbval compares a cell's text to the letter, and losses differ a little between processors. So a
check prints the band a number must lie in, never the number itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Band:
    """The values a measured figure may take on any machine.

    Attributes
    ----------
    low, high : float
        Bounds, both included.
    unit : str
        Unit of the bounds.
    how : str
        How the bounds were found: what was run, and which broken models lie outside.
    """

    low: float
    high: float
    unit: str
    how: str


_ADDERS = (
    "three starts and three data seeds, in float64, and one in float32; outside lie an untrained "
    "unit, one trained on shuffled sums, and the best one without memory"
)
_CURES = "three data seeds, two starts (read-out: one); outside lie the same broken units"
_TOTAL = "total absolute error (1,000 arrays)"
_MEAN = "mean absolute error"
_PLAYS = (
    "bfloat16 with seeds 0, 1, 2: 1.540, 1.550, 1.537; float32 with seed 0: 1.543; above lie every "
    "count table (the best has 1.578), an untrained model and one trained on shuffled text, and "
    "below a model that is scored on text it was trained on"
)
_VANILLA = (
    "seeds 0 to 3: 1.837, 1.851, 1.857, 1.843, always in float32; above lie the tables up to "
    "3-grams, an untrained model and one trained on shuffled text, below the larger tables and a "
    "model that is scored on text it was trained on"
)
_FIERRO = (
    "bfloat16 with seeds 0, 1, 2: 1.462, 1.461, 1.472; float32 with seed 0: 1.453; above lie every "
    "count table (the best has 1.591), an untrained model, one trained on shuffled text and one "
    "with ReLU on its logits, below a model that is scored on text it was trained on (1.346)"
)
_TUNES = (
    "bfloat16 with seeds 0, 1, 2: 1.378, 1.379, 1.405; above lie every count table (the best has "
    "1.712), an untrained model and one trained on shuffled text, below a model that is scored on "
    "text it was trained on"
)

BANDS: dict[str, Band] = {
    "adder, constant rate": Band(0, 400, _TOTAL, _ADDERS),
    "adder, cured": Band(0, 1, _TOTAL, _ADDERS),
    "adder, cured in batches": Band(0, 1, _TOTAL, _ADDERS),
    "adder, cured, independent": Band(0, 1, _TOTAL, _ADDERS),
    "adder, cured, 8 to 20 long": Band(0, 5, _TOTAL, _ADDERS),
    "adder, cured, negative": Band(0, 1, _TOTAL, _ADDERS),
    "tanh, scaled by 100": Band(0.3, 0.8, _MEAN, _CURES),
    "tanh, scaled by 1,000": Band(0, 0.2, _MEAN, _CURES),
    "tanh, linear read-out": Band(3.5, 6, _MEAN, _CURES),
    "martin_fierro, quick": Band(1.43, 1.50, "nats/char", _FIERRO),
    "relu unit": Band(0, 0.01, _MEAN, _CURES),
    "shakespeare, quick": Band(1.51, 1.57, "nats/char", _PLAYS),
    "tunes, quick": Band(1.34, 1.44, "nats/char", _TUNES),
    "vanilla, state fed back": Band(1.81, 1.88, "nats/char", _VANILLA),
}


def band(name: str, value: float) -> None:
    """Check that a figure lies in its registered band.

    Parameters
    ----------
    name : str
        Key of `BANDS`.
    value : float
        The figure, in the band's unit.

    Raises
    ------
    AssertionError
        If `value` lies outside, with the value in the message. NaN lies outside every band.
    """
    limits = BANDS[name]
    wanted = f"{limits.low:g} to {limits.high:g} {limits.unit}"
    assert limits.low <= value <= limits.high, f"{name} is {value:.6g}, expected {wanted}"
    print(f"✓ {name} lies in {wanted}")


def shape(name: str, found: torch.Tensor | Sequence[int], expected: Sequence[int]) -> None:
    """Check a tensor's shape.

    Raises
    ------
    AssertionError
        If the shapes differ, with both in the message.
    """
    actual = tuple(found.shape if isinstance(found, torch.Tensor) else found)
    assert actual == tuple(expected), f"{name} has shape {actual}, expected {tuple(expected)}"
    print(f"✓ {name} has shape {actual}")


def close(name: str, actual: torch.Tensor, desired: torch.Tensor, atol: float) -> None:
    """Check that two tensors of one shape agree within an absolute tolerance.

    Raises
    ------
    AssertionError
        If they differ by more anywhere, or in shape, with PyTorch's account of where.
    """
    torch.testing.assert_close(actual, desired, rtol=0, atol=atol, msg=lambda m: f"{name}: {m}")
    print(f"✓ {name} agree within {atol:g}")


def true(name: str, condition: bool) -> None:
    """Check a plain statement.

    Raises
    ------
    AssertionError
        If the statement does not hold.
    """
    assert condition, f"{name}: does not hold"
    print(f"✓ {name}")
