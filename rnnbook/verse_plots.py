"""Figures of chapter 6. They draw what they are given."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rnnbook.plots import COLOURS

Point = tuple[float, float]
_STYLES = (
    *(("grey", "D"), ("orange", "X"), ("sky", "v")),
    *(("blue", "o"), ("vermillion", "s"), ("green", "^")),
)


def losses_by_change(losses: Mapping[str, float], table: float) -> Figure:
    """Draw what each change to a recipe did: a row each, in the order given.

    Parameters
    ----------
    losses : mapping
        For each change the held-out loss at its best, in nats per character.
    table : float
        That of the best count table.
    """
    figure, axes = plt.subplots(figsize=(7.0, 0.33 * len(losses) + 0.9))
    rows = range(len(losses))
    axes.hlines(rows, min(losses.values()), list(losses.values()), color=COLOURS["sky"])
    axes.plot(list(losses.values()), rows, "o", color=COLOURS["blue"])
    for row, loss in zip(rows, losses.values(), strict=True):
        label = {"xytext": (8, 0), "textcoords": "offset points", "va": "center", "fontsize": 9}
        label |= {"bbox": {"facecolor": "white", "edgecolor": "none", "pad": 0.5}}
        axes.annotate(f"{loss:.3f}", (loss, row), **label)
    axes.axvline(table, color=COLOURS["grey"], linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    axes.text(table, -1, "best count table ", ha="right", va="center", color=COLOURS["grey"])
    axes.set(yticks=rows, yticklabels=losses, xlabel="held-out loss (nats/char)")
    axes.set_ylim(len(losses) - 0.5, -1.5)
    return figure


def copied_against_quality(
    writers: Mapping[str, Sequence[Point]], copied: str, quality: str
) -> Figure:
    """Draw the quality of what each writer wrote against how much of it is copied.

    Parameters
    ----------
    writers : mapping
        For each writer its samples, as the share copied and the share of the quality.
    copied, quality : str
        What the shares are of.
    """
    figure, axes = plt.subplots()
    for number, (writer, points) in enumerate(writers.items()):
        colour, marker = _STYLES[number]
        x, y = zip(*points, strict=True)
        axes.plot(x, y, marker, color=COLOURS[colour], markersize=8, label=writer, clip_on=False)
    axes.set(xlabel=copied, ylabel=quality, ylim=(0, 1))
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter("{x:.1%}")
    axes.yaxis.set_major_formatter("{x:.0%}")
    axes.legend(loc="lower right")
    return figure
