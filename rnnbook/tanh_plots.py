"""Figures of chapter 3, one function a figure. They draw what they are given."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from rnnbook.plots import COLOURS
from rnnbook.summation_plots import published


def saturation(zero_32: float, zero_64: float) -> Figure:
    """Draw tanh and, on a log axis, its slope, with where each precision rounds it to zero."""
    figure, (top, bottom) = plt.subplots(2, 1, sharex=True, figsize=(7, 4.6))
    z = np.linspace(-22, 22, 801)
    top.plot(z, np.tanh(z), color=COLOURS["blue"])
    top.set(ylabel="$h = \\tanh(z)$", ylim=(-1.2, 1.2))
    bottom.semilogy(z, 1 / np.cosh(z) ** 2, ":", lw=1.2, color=COLOURS["grey"])
    for dtype, limit, name, height, colour, style, width in (
        (np.float64, zero_64, "float64", 1e-11, COLOURS["blue"], "-", 1.5),
        (np.float32, zero_32, "float32", 1e-4, COLOURS["vermillion"], "--", 3.0),  # on top
    ):
        h = np.tanh(z).astype(dtype)  # rounded once: numpy's float32 tanh is off by some bits
        slope = (1 - h * h).astype(float)
        slope[slope == 0] = np.nan
        bottom.semilogy(z, slope, style, color=colour, lw=width)
        bottom.axvline(limit, color=colour, lw=0.8)
        bottom.text(limit + 0.2, height, f"{name}:\nexactly 0", color=colour)
    bottom.text(0, 1e-17, "true slope: dotted, never 0", ha="center", color=COLOURS["grey"])
    bottom.set(xlabel="$z$, the weighted sum", ylabel="slope $1 - h^2$", ylim=(1e-19, 10))
    bottom.set_xlim(-22, 25)
    return figure


def point_on_tanh(z: float, h: float, slope: float, kept: Sequence[float]) -> Figure:
    """Draw tanh with a point and its tangent, and beside it a gradient on its way back.

    Parameters
    ----------
    z, h, slope : float
        The weighted sum, its tanh and the slope there.
    kept : sequence of float
        What is left of the gradient after 0, 1, … steps; zeros are left out.
    """
    figure, (curve, back) = plt.subplots(1, 2, figsize=(7, 2.8))
    wide = np.linspace(-10, 10, 401)
    curve.plot(wide, np.tanh(wide), color=COLOURS["blue"])
    near = np.array([z - 1.5, z + 1.5])
    curve.plot(near, h + slope * (near - z), "--", color=COLOURS["vermillion"])
    curve.plot(z, h, "o", color=COLOURS["vermillion"])
    curve.set(xlabel="$z$, the weighted sum", ylabel="$h = \\tanh(z)$", ylim=(-1.6, 1.6))
    shown = [value if value > 0 else np.nan for value in kept]
    back.semilogy(range(len(shown)), shown, "o-", color=COLOURS["vermillion"], markersize=4)
    back.set(xlabel="steps back", ylabel="left of the gradient", ylim=(1e-45, 3), xlim=(-0.5, 20.5))
    return figure


def excess(curves: Mapping[str, Sequence[float]]) -> Figure:
    """Draw the error over the floor after each epoch beside the published run.

    Parameters
    ----------
    curves : mapping of str to sequence of float
        Excess before training and after every epoch. The first is drawn as our run. Zeros, which
        a log axis cannot show, are left out.
    """
    figure, axes = plt.subplots(figsize=(7, 4.2))
    axes.semilogy(*published(tanh=True), "o", ms=4, mfc="none", color=COLOURS["vermillion"])
    axes.text(8, 2, "○ published run", color=COLOURS["vermillion"])
    styles = (("blue", "-"), ("green", "--"), ("purple", ":"))
    for (name, values), (colour, style) in zip(curves.items(), styles, strict=False):
        shown = [value if value > 0 else np.nan for value in values]
        axes.semilogy(shown, style, color=COLOURS[colour])
        end = int(np.flatnonzero(np.isfinite(shown))[-1])
        axes.text(end + 0.7, shown[end], name, color=COLOURS[colour], va="center")
    axes.set(xlabel="epochs completed", ylabel="total absolute error − floor", xlim=(-1, 62))
    return figure


def outputs_per_epoch(outputs: Mapping[int, Sequence[float]]) -> Figure:
    """Draw the outputs on all test arrays after chosen numbers of updates, a histogram each."""
    figure, rows = plt.subplots(1, len(outputs), sharey=True, figsize=(7, 2.8))
    for axes, (updates, values) in zip(rows, outputs.items(), strict=True):
        axes.hist(values, bins=np.linspace(-1, 1, 21), color=COLOURS["blue"])
        axes.set_title(f"{updates:,}", fontsize=10)
        axes.set(xlim=(-1.1, 1.1), xticks=[-1, 0, 1])
    rows[0].set_ylabel("test arrays")
    figure.suptitle("after so many updates", fontsize=10)
    figure.supxlabel("output", fontsize=10)
    return figure


def error_by_scale(
    scales: Sequence[float], measured: Mapping[str, Sequence[float]],
    predicted: Mapping[str, Sequence[float]],
) -> Figure:  # fmt: skip
    """Draw a scaled tanh unit's mean error against its scale, measured beside predicted."""
    figure, axes = plt.subplots()
    names = ("blue", "orange", "vermillion", "green")
    for (name, errors), colour in zip(measured.items(), names, strict=False):
        axes.loglog(scales, errors, "o-", ms=4, color=COLOURS[colour])
        axes.loglog(scales, predicted[name], "--", lw=1, color=COLOURS[colour])
        axes.text(scales[0] * 0.85, errors[0], name, color=COLOURS[colour], ha="right", va="center")
    axes.set_xlim(scales[0] / 12, None)
    axes.set_xticks(scales, [f"{scale:,.0f}" for scale in scales])
    axes.minorticks_off()
    axes.set(xlabel="scale $s$", ylabel="mean absolute error per array")
    return figure


def cures(errors: Mapping[str, Mapping[str, float]], lowest: float = 1e-4) -> Figure:
    """Draw the mean error of every unit on every kind of test set, as rows of labelled points.

    Parameters
    ----------
    errors : mapping of str to mapping of str to float
        Mean absolute error per array, by unit and then by test set.
    lowest : float
        Smaller errors are drawn here and labelled as "below".
    """
    figure, axes = plt.subplots(figsize=(7, 0.6 * len(errors) + 1.3))
    sets = list(next(iter(errors.values())))
    styles = (("o", "blue"), ("s", "orange"), ("^", "vermillion"), ("D", "green"))
    markers = dict(zip(sets, styles, strict=True))
    for row, by_set in enumerate(errors.values()):
        axes.axhline(row + 0.5, color=COLOURS["grey"], lw=0.5, alpha=0.5)
        for place, (name, error) in enumerate(by_set.items()):
            marker, colour = markers[name]
            axes.semilogx(
                max(error, lowest), row + 0.18 * (place - 1.5), marker,
                color=COLOURS[colour], label=name if row == 0 else None,
            )  # fmt: skip
    axes.set_yticks(range(len(errors)), list(errors))
    axes.set_ylim(len(errors) - 0.5, -0.5)
    axes.axvline(lowest, color=COLOURS["grey"], ls=":", lw=1)
    axes.set_xlabel(f"mean absolute error per array (dotted line: {lowest:g} or less)")
    figure.legend(loc="outside upper center", ncols=len(sets), frameon=False)
    return figure
