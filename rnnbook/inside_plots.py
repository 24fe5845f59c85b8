"""Figures that look inside a trained character model."""

import itertools
from collections.abc import Mapping, Sequence
from fractions import Fraction

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from rnnbook.plots import COLOURS


def shaded_text(text: str, rows: Mapping[str, Sequence[float]], width: int = 72) -> Figure:
    """Draw a text once for each unit, every character on a ground as dark as the unit is active.

    Parameters
    ----------
    text : str
        The text; a line end is shown as ¶ and begins a new line.
    rows : mapping
        For each unit's name its activation at each character, from −1 (white) to 1 (dark).
    width : int
        Longest line, in characters; longer ones go on in the next.
    """
    places = _places(text, width)
    lines = int(places[:, 1].max()) + 1
    figure, panels = plt.subplots(
        len(rows), 1, figsize=(7.2, len(rows) * (0.2 * lines + 0.35)), squeeze=False
    )
    ramp = plt.get_cmap("Blues")
    for axes, (name, values) in zip(panels[:, 0], rows.items(), strict=True):
        for (column, line), character, value in zip(places, text, values, strict=True):
            share = (float(value) + 1) / 2
            cell = plt.Rectangle((column, line), 1, 1, facecolor=ramp(share), edgecolor="none")
            axes.add_patch(cell)
            axes.text(
                column + 0.5,
                line + 0.5,
                "¶" if character == "\n" else character,
                family="monospace",
                fontsize=8,
                ha="center",
                va="center",
                # Dark ground, light letter: readable without colour.
                color="white" if share > 0.69 else "black",
                parse_math=False,
            )
        axes.set(xlim=(0, width), ylim=(lines, 0))
        axes.set_title(name, fontsize=9)
        axes.axis("off")
    return figure


def _places(text: str, width: int) -> np.ndarray:
    """Return column and line of each character, shape (n, 2)."""
    places, column, line = [], 0, 0
    for character in text:
        if column == width:
            column, line = 0, line + 1
        places.append((column, line))
        column += 1
        if character == "\n":
            column, line = 0, line + 1
    return np.array(places)


def loss_by_context(losses: Mapping[str, Sequence[float]], tables: Mapping[str, float]) -> Figure:
    """Draw the loss of a character against how many characters were read before it.

    Parameters
    ----------
    losses : mapping
        For each model's name the mean loss after 1, 2, … characters, in nats.
    tables : mapping
        Loss of each count table by its name, drawn as a level line.
    """
    figure, axes = plt.subplots()
    for name, values in losses.items():
        edges = np.unique(np.geomspace(1, len(values) + 1, 24).astype(int))
        means = [np.mean(values[a - 1 : b - 1]) for a, b in itertools.pairwise(edges)]
        (line,) = axes.plot(edges[:-1], means, marker="o", markersize=4)
        axes.annotate(
            name,
            (edges[-2], means[-1]),
            xytext=(0, -14),
            textcoords="offset points",
            ha="right",
            color=line.get_color(),
        )
    for name, loss in tables.items():
        axes.axhline(loss, color=COLOURS["grey"], linewidth=1, linestyle=(0, (4, 3)), zorder=1)
        axes.annotate(
            name,
            (1, loss),
            xycoords=axes.get_yaxis_transform(),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            color=COLOURS["grey"],
            fontsize=9,
        )
    axes.set_xscale("log")
    axes.margins(y=0.12)
    axes.set(
        xlabel="characters read before, from an empty state",
        ylabel="held-out loss (nats/char)",
    )
    return figure


def bar_line_chances(
    learned: Mapping[str, Mapping[Fraction, float]], counted: Mapping[str, Mapping[Fraction, float]]
) -> Figure:
    """Draw how likely a bar line is thought along a bar, a panel for each metre.

    Parameters
    ----------
    learned, counted : mapping
        For each metre what `tune_probes.bar_line_chances` returns, by a network and by counts.
    """
    figure, panels = plt.subplots(1, len(learned), sharey=True, squeeze=False, figsize=(7.2, 3))
    for axes, metre in zip(panels[0], learned, strict=True):
        for chances, colour, marker in ((counted, "grey", "s"), (learned, "blue", "o")):
            places = [float(place) for place in chances[metre]]
            style = {"color": COLOURS[colour], "marker": marker, "markersize": 4}
            axes.plot(places, chances[metre].values(), linewidth=1, **style)
        axes.set(title=metre, xlim=(-0.05, 1.08), xticks=(0, 0.5, 1), ylim=(-0.03, 1.03))
        axes.set_xlabel("share of the bar")
    first = panels[0, 0]
    first.set_ylabel("probability of a bar line")
    first.text(0.05, 0.92, "● network", color=COLOURS["blue"])
    first.text(0.05, 0.82, "■ counts", color=COLOURS["grey"])
    return figure


def probe_accuracy(
    shares: Mapping[str, Sequence[float]], bars: Sequence[int], chance: float, title: str
) -> Figure:
    """Draw how often a linear probe reads something off the state, by how many bars were read.

    Parameters
    ----------
    shares : mapping
        For each of two networks the share it gets right after each number of bars, the better one
        first.
    bars : sequence of int
        The numbers of bars.
    chance : float
        Share that the commonest answer alone gets right.
    title : str
        What is read off.
    """
    figure, axes = plt.subplots(figsize=(5.6, 3.2))
    for (name, values), marker in zip(shares.items(), "os", strict=False):
        (line,) = axes.plot(range(len(bars)), values, marker=marker, markersize=5)
        style = {"color": line.get_color(), "ha": "right", "xytext": (0, 8)}
        end = (len(bars) - 1, values[-1])
        axes.annotate(name, end, textcoords="offset points", **style)
    axes.axhline(chance, color=COLOURS["grey"], linewidth=1, linestyle=(0, (4, 3)))
    axes.text(0, chance - 0.08, "the commonest one", color=COLOURS["grey"], fontsize=9)
    axes.set(xticks=range(len(bars)), xticklabels=bars, ylim=(0, 1.08), title=title)
    axes.set(xlabel="bars read", ylabel="share read off right")
    return figure
