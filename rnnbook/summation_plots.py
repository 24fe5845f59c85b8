"""Figures of chapter 2, one function a figure, and the log the source of chapters 2 and 3 printed.

They draw what they are given and compute nothing worth testing.
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from torch import Tensor

from rnnbook.plots import COLOURS

# Total absolute error as the Trebekian.jl article prints it, rounded to 0.1: before training, in
# its 50 epoch lines (made, it seems, after the first update of an epoch), and after training.
PUBLISHED_BEFORE, PUBLISHED_AFTER = 94049.8, 44.4
# fmt: off
PUBLISHED_LINES = [
    93804.7, 12159.5, 8576.1, 5691.0, 3116.3, 1236.2, 647.9, 561.0, 329.7, 414.4, 272.8, 328.3,
    242.4, 218.6, 253.9, 122.2, 112.2, 59.3, 80.9, 56.3, 76.7, 31.1, 16.7, 77.0, 15.4, 130.1,
    128.8, 91.1, 89.9, 158.5, 29.5, 105.7, 172.5, 12.8, 25.2, 30.2, 25.5, 69.0, 117.2, 23.1,
    132.9, 28.8, 25.8, 105.8, 14.5, 67.6, 14.3, 20.8, 35.3, 46.3,
]
# With tanh the article's error minus 48,642, to three digits, at the same moments.
PUBLISHED_TANH_BEFORE, PUBLISHED_TANH_AFTER = 1886.0, 2.58e-9
PUBLISHED_TANH_LINES = [
    1.88e3, 12.9, 5.24, 2.77, 1.6, 0.962, 0.588, 0.362, 0.223, 0.137, 0.0841, 0.0515, 0.0315,
    0.0192, 0.0117, 0.0071, 0.00431, 0.00261, 0.00158, 9.54e-4, 5.75e-4, 3.46e-4, 2.08e-4,
    1.25e-4, 7.49e-5, 4.49e-5, 2.68e-5, 1.6e-5, 9.54e-6, 5.68e-6, 3.38e-6, 2.01e-6, 1.19e-6,
    7.12e-7, 4.26e-7, 2.56e-7, 1.55e-7, 9.58e-8, 6.02e-8, 3.88e-8, 2.57e-8, 1.78e-8, 1.26e-8,
    9.49e-9, 7.14e-9, 5.72e-9, 4.78e-9, 3.96e-9, 3.41e-9, 2.82e-9,
]
# fmt: on

Curve = tuple[Sequence[float], Sequence[float]]  # epochs completed, value


def published(tanh: bool = False) -> Curve:
    """Return the source's curve: epochs completed (0, 0, 1, …, 49, 50) and what it printed.

    Line k of the log was printed k - 1 epochs in, so it stands at k - 1.
    """
    before, lines, after = (
        (PUBLISHED_TANH_BEFORE, PUBLISHED_TANH_LINES, PUBLISHED_TANH_AFTER)
        if tanh
        else (PUBLISHED_BEFORE, PUBLISHED_LINES, PUBLISHED_AFTER)
    )
    return [0, *range(len(lines)), len(lines)], [before, *lines, after]


def error_per_epoch(
    ours: Sequence[float], others: Mapping[str, Sequence[float]] | None = None
) -> Figure:
    """Draw the total absolute error after each epoch beside the published run.

    Parameters
    ----------
    ours : sequence of float
        Before training and after every epoch, as the source trained.
    others : mapping of str to sequence of float, optional
        More curves of the same kind, by name. Beside them ours is named by its rate and its loss.
    """
    figure, axes = plt.subplots()
    axes.semilogy(*published(), "o--", ms=3, lw=1, color=COLOURS["vermillion"])
    axes.text(0, 150, "published run", color=COLOURS["vermillion"], va="top")
    axes.semilogy(ours, color=COLOURS["blue"])
    if others:  # beside the end of the line, as theirs: over it there is no room
        axes.text(50.5, 1.5 * ours[-1], "constant, absolute", color=COLOURS["blue"], va="center")
    else:
        axes.text(7, ours[5], "our run, same recipe", color=COLOURS["blue"], va="bottom")
    colours = [COLOURS[name] for name in ("green", "purple", "orange", "sky")]
    for (name, errors), colour in zip((others or {}).items(), colours, strict=False):
        axes.semilogy(errors, color=colour)
        axes.text(len(errors) - 0.5, errors[-1], name, color=colour, va="center")
    axes.set(xlabel="epochs completed", ylabel="total absolute error\n(1,000 test arrays)")
    axes.set_xlim(-1, 68 if others else 52)
    return figure


def loss_surface(
    w_x: Tensor, w_h: Tensor, errors: Tensor, *, b: float = 0.0,
    path: Sequence[tuple[float, float, float]] = (), here: tuple[float, float] | None = None,
) -> Figure:  # fmt: skip
    """Draw the mean absolute error over w_x and w_h for one b.

    Parameters
    ----------
    w_x, w_h : Tensor, shapes (M,) and (N,)
        The grid.
    errors : Tensor, shape (N, M)
        Mean absolute error per array, as from `rnnbook.widgets.surface`.
    b : float
        The bias this slice was cut at; it names the slice.
    path : sequence of (w_x, w_h, b)
        Where training went, one point an epoch; its b is not shown.
    here : (w_x, w_h), optional
        One point to mark.
    """
    figure, axes = plt.subplots(figsize=(6.4, 4.2))
    levels = np.logspace(-1, 2.5, 15)
    values = errors.clamp(levels[0], levels[-1]).numpy()
    filled = axes.contourf(w_x, w_h, values, levels, norm="log", cmap="cividis")
    bar = figure.colorbar(filled, label="mean absolute error per array", ticks=[0.1, 1, 10, 100])
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    bar.ax.minorticks_off()
    axes.plot(1, 1, "*", ms=13, color="white" if b == 0 else "none", mec="white")
    label = "adds exactly" if b == 0 else "added exactly at $b$ = 0"
    axes.annotate(label, (1, 1), (9, 8), textcoords="offset points", color="white")
    if path:
        axes.plot([p[0] for p in path], [p[1] for p in path], ".-", color="white", lw=1.2, ms=5)
        axes.annotate("start", path[0][:2], (6, 6), textcoords="offset points", color="white")
    if here:
        axes.plot(*here, "o", ms=9, color=COLOURS["vermillion"], mec="white")
    axes.set(xlabel="input weight $w_x$", ylabel="recurrent weight $w_h$")
    axes.set_title(f"slice at $b$ = {b:g}")
    return figure


def jitter(path: Sequence[tuple[float, float, float]], rate: float) -> Figure:
    """Draw how far each parameter is from (1, 1, 0), in learning rates, update by update."""
    figure, rows = plt.subplots(3, 1, sharex=True, sharey=True, figsize=(7, 4.4))
    offsets = (np.array(path) - np.array([1.0, 1.0, 0.0])) / rate  # (updates, 3)
    names = ("$w_x - 1$", "$w_h - 1$", "$b$")
    for axes, values, name, colour in zip(
        rows, offsets.T, names, ("blue", "vermillion", "green"), strict=True
    ):
        axes.axhspan(-1, 1, color=COLOURS["grey"], alpha=0.25, lw=0)
        axes.plot(values, lw=0.7, color=COLOURS[colour])
        axes.text(1.01, 0.5, name, transform=axes.transAxes, va="center", color=COLOURS[colour])
    rows[0].set(xlim=(0, len(path)), ylim=(-6, 6), title="grey: one learning rate either way")
    rows[1].set_ylabel("distance from the optimum (learning rates)")
    rows[-1].set_xlabel("updates")
    return figure


def hovering_by_rate(
    rates: Sequence[float], measured: Sequence[float], scale: Sequence[float]
) -> Figure:
    """Draw the error a constant learning rate hovers at, against that rate.

    Parameters
    ----------
    rates, measured : sequence of float
        Rates from small to large, and the mean error measured at each.
    scale : sequence of float
        The error when every parameter is one learning rate too high.
    """
    figure, axes = plt.subplots()
    late = PUBLISHED_LINES[30:]
    axes.vlines(1e-3, min(late), max(late), color=COLOURS["vermillion"], lw=6, alpha=0.4)
    axes.annotate(
        "published run,\nlast 20 lines", (1e-3, min(late)), (10, 4), textcoords="offset points",
        color=COLOURS["vermillion"], va="center",
    )  # fmt: skip
    axes.loglog(rates, scale, "--", color=COLOURS["grey"])
    axes.annotate(
        "all three off by one rate", (rates[2], scale[2]), (-6, 8), textcoords="offset points",
        color=COLOURS["grey"], ha="right",
    )  # fmt: skip
    axes.loglog(rates, measured, "o-", color=COLOURS["blue"])
    axes.annotate(
        "from the measured parameters", (rates[1], measured[1]), (8, -12),
        textcoords="offset points", color=COLOURS["blue"],
    )  # fmt: skip
    axes.set_xticks(rates, [f"{1000 * rate:g}" for rate in rates])
    axes.minorticks_off()
    axes.set(xlabel="constant learning rate (thousandths)")
    axes.set_ylabel("total absolute error\n(1,000 test arrays)")
    return figure


def growth(lengths: Sequence[int], curves: Mapping[float, Sequence[float]]) -> Figure:
    """Draw the relative error of a sum against the length, a curve for each w_h."""
    figure, axes = plt.subplots()
    colours = [COLOURS[name] for name in ("vermillion", "orange", "blue", "green")]
    for (w_h, errors), colour in zip(curves.items(), colours, strict=False):
        axes.plot(lengths, [100 * error for error in errors], color=colour)
        axes.text(
            lengths[-1] * 1.01, 100 * errors[-1], f"$w_h$ = {w_h:g}", color=colour, va="center"
        )
    axes.axhline(0, color=COLOURS["grey"], lw=0.8)
    axes.set(xlabel="length $T$", ylabel="error of the sum (%)", xlim=(0, lengths[-1] * 1.16))
    return figure
