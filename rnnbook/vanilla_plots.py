"""Figures of chapter 5, one function a figure. They draw what they are given."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnbook.plots import COLOURS

_COLOURS = ("blue", "vermillion", "green", "purple")


def _letter(axes: Axes, x: float, y: float, letter: str, colour: str | None = None) -> None:
    """Write one letter in a square; a colour fills it, and a frame tells it apart without."""
    if colour:
        face = (COLOURS[colour], 0.25)
        axes.add_patch(plt.Rectangle((x, y), 1, 1, facecolor=face, edgecolor=COLOURS[colour], lw=2))
    shown = "␣" if letter == " " else letter
    axes.text(x + 0.5, y + 0.5, shown, ha="center", va="center", family="DejaVu Sans Mono")


def _label_ends(axes: Axes, ends: Mapping[str, tuple[float, float, str]]) -> None:
    """Name lines at their right ends, given as x, y and colour, and keep the names apart."""
    axes.autoscale_view()  # settles where in the figure a point is
    above = -np.inf
    for name, (x, y, colour) in sorted(ends.items(), key=lambda end: end[1][1]):
        height = axes.transData.transform((x, y))[1] * 72 / axes.figure.dpi  # in points
        place = max(height, above + 11)
        ground = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        style = {"va": "center", "color": COLOURS[colour], "bbox": ground}
        offset = {"xytext": (7, place - height), "textcoords": "offset points"}
        axes.annotate(name, (x, y), **offset, **style)
        above = place


def cursors(text: str, streams: int, steps: Sequence[int]) -> Figure:
    """Draw a text with its evenly spaced cursors, a row for each step.

    Parameters
    ----------
    text : str
        The text, of some 60 characters.
    streams : int
        Number of cursors.
    steps : sequence of int
        Steps to draw, counted from 1: at step n a cursor has moved n − 1 characters.
    """
    figure, axes = plt.subplots(figsize=(7.2, 0.36 * len(steps) + 0.4))
    stretch = (len(text) - 1) // streams  # the last character is only a target
    for row, step in enumerate(steps):
        y = 1.6 * row
        for x, letter in enumerate(text):
            stream, moved = divmod(x, stretch)
            here = moved == step - 1 and stream < streams
            _letter(axes, x, y, letter, _COLOURS[stream % 4] if here else None)
        axes.text(-1, y + 0.5, f"step {step}", ha="right", va="center")
    axes.set(xlim=(-9, len(text)), ylim=(1.6 * len(steps), -0.3))
    axes.axis("off")
    return figure


def mega_batch(inputs: Sequence[str], targets: Sequence[str]) -> Figure:
    """Draw one batch as it is unrolled: a row a step, a column a stream, targets one step later.

    Parameters
    ----------
    inputs, targets : sequence of str
        What each stream reads in this batch, and what it shall predict.
    """
    streams, unroll = len(inputs), len(inputs[0])
    figure, axes = plt.subplots(figsize=(6.4, 0.3 * unroll + 0.7))
    for left, title, rows in ((0, "inputs", inputs), (streams + 4, "targets", targets)):
        axes.text(left + streams / 2, -0.9, title, ha="center", va="center")
        for stream, row in enumerate(rows):
            for step, letter in enumerate(row):
                _letter(axes, left + stream, step, letter, _COLOURS[stream % 4])
    for step in range(unroll):
        axes.text(-0.5, step + 0.5, f"step {step + 1}", ha="right", va="center")
        axes.annotate(
            "",
            (streams + 3.6, step + 0.5),
            (streams + 0.4, step + 0.5),
            arrowprops={"arrowstyle": "->", "color": COLOURS["grey"]},
        )
    axes.set(xlim=(-4, 2 * streams + 4.5), ylim=(unroll + 0.2, -1.6))
    axes.axis("off")
    return figure


def same_table(
    counted: Sequence[float], learned: Sequence[float], common: Sequence[bool]
) -> Figure:
    """Draw each pair's probability by network against that by counts, on log axes.

    Parameters
    ----------
    counted, learned : sequence of float
        Probability of a character after another, by table and by network.
    common : sequence of bool
        Whether the pair was seen a hundred times or more.
    """
    figure, axes = plt.subplots(figsize=(5, 4.4))
    counted, learned, common = map(np.asarray, (counted, learned, common))
    axes.loglog([1e-7, 1], [1e-7, 1], color=COLOURS["grey"], lw=1)
    axes.loglog(counted[~common], learned[~common], "x", ms=4, color=COLOURS["orange"])
    axes.loglog(counted[common], learned[common], "o", ms=3, color=COLOURS["blue"])
    axes.text(3e-6, 0.3, "● pairs seen 100 times or more", color=COLOURS["blue"])
    axes.text(3e-6, 0.12, "× rarer pairs", color="#8A5F00")
    axes.set(xlabel="probability by the bigram table", ylabel="probability by the network")
    return figure


def by_unroll(
    losses: Mapping[str, Mapping[int, float]], tables: Mapping[str, float], ylabel: str
) -> Figure:
    """Draw the loss against the length of unrolling, a line for each kind of network.

    Parameters
    ----------
    losses : mapping
        For each kind, held-out nats per character by length.
    tables : mapping
        Loss of each count table, drawn as a level line.
    ylabel : str
        What was measured.
    """
    figure, axes = plt.subplots()
    ends = {}
    for (name, by_length), colour, marker in zip(losses.items(), _COLOURS, "os^D", strict=False):
        lengths, nats = zip(*by_length.items(), strict=True)
        axes.semilogx(lengths, nats, marker=marker, color=COLOURS[colour])
        ends[name] = (lengths[-1], nats[-1], colour)
    for name, nats in tables.items():
        axes.axhline(nats, color=COLOURS["grey"], lw=1, ls=(0, (4, 3)), zorder=1)
        ends[name] = (lengths[-1], nats, "grey")
    axes.set_xticks(lengths, [str(length) for length in lengths])
    axes.minorticks_off()
    axes.set_xlim(lengths[0] * 0.9, lengths[-1] * 2.2)
    axes.set(xlabel="steps unrolled in training", ylabel=ylabel)
    _label_ends(axes, ends)
    return figure


def fates(curves: Mapping[str, Sequence[float]], unroll: int | None = None) -> Figure:
    """Draw how long the gradient still is after going back ever more steps.

    Parameters
    ----------
    curves : mapping
        For each name the lengths of ∂L_t/∂h_{t−k} for k = 0, 1, …
    unroll : int, optional
        Where training cuts the gradient off, drawn as a line.
    """
    figure, axes = plt.subplots(figsize=(7, 3.8))
    styles = ("-", "--", "-.", ":")
    ends = {}
    for (name, norms), colour, style in zip(curves.items(), _COLOURS, styles, strict=False):
        norms = np.asarray(norms, dtype=float)
        shown = np.where(norms > 0, norms, np.nan)  # a log axis has no place for zero
        axes.semilogy(shown, style, color=COLOURS[colour])
        end = int(np.flatnonzero(np.isfinite(shown))[-1])
        ends[name] = (end, shown[end], colour)
    longest = max(len(norms) for norms in curves.values())
    if unroll is not None and unroll < longest:
        axes.axvline(unroll, color=COLOURS["grey"], lw=1, ls=":")
        axes.annotate(
            f"unrolled {unroll} steps:\nnothing beyond",
            (unroll, 0.98),
            xycoords=axes.get_xaxis_transform(),
            xytext=(4, 0),
            textcoords="offset points",
            va="top",
            color=COLOURS["grey"],
            fontsize=9,
        )
    axes.set_xlim(-0.5, longest * 1.28)
    axes.set(xlabel="steps back, $k$", ylabel="length of $∂L_t / ∂h_{t-k}$")
    _label_ends(axes, ends)
    return figure


def clipping(norms: Mapping[str, Sequence[float]], limit: float) -> Figure:
    """Draw the lengths of the whole gradient before clipping, and where clipping puts them.

    Parameters
    ----------
    norms : mapping
        For each kind of network the lengths before clipping, one an update.
    limit : float
        The largest length that is let through.
    """
    figure, panels = plt.subplots(len(norms), 1, sharex=True, figsize=(7, 1.7 * len(norms) + 0.6))
    high = max(max(values) for values in norms.values())
    low = min(min(values) for values in norms.values())
    bins = np.geomspace(low, max(high, limit * 1.2), 40)
    for axes, (name, values) in zip(np.atleast_1d(panels), norms.items(), strict=True):
        clipped = np.minimum(values, limit)
        axes.hist(values, bins, color=(COLOURS["orange"], 0.6), hatch="///", edgecolor="#8A5F00")
        axes.hist(clipped, bins, histtype="step", lw=1.8, color=COLOURS["blue"])
        axes.axvline(limit, color=COLOURS["grey"], lw=1, ls=":")
        share = np.mean(np.asarray(values) > limit)
        axes.set_title(f"{name}: {share:.0%} of the updates are clipped", fontsize=10)
        axes.set(xscale="log", ylabel="updates")
    np.atleast_1d(panels)[-1].set_xlabel(
        f"length of the gradient; hatched before clipping at {limit:g}, outlined after"
    )
    return figure
