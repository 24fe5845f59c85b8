"""Figures that look inside a trained character model."""

import itertools
from collections.abc import Mapping, Sequence

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
    axes.set(
        xlabel="characters read before, from an empty state",
        ylabel="held-out loss (nats/char)",
    )
    return figure
