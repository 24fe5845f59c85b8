"""The book's figures of text models, and the one style all its figures share."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's palette, told apart by every common form of colour vision.
COLOURS = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "vermillion": "#D55E00",
    "sky": "#56B4E9",
    "purple": "#CC79A7",
    "yellow": "#F0E442",
    "black": "#000000",
    "grey": "#767676",
}


def use_style() -> None:
    """Set matplotlib's defaults to the book's style for the rest of the session."""
    lines = [COLOURS[name] for name in ("blue", "orange", "green", "vermillion", "purple", "sky")]
    plt.rcParams.update(
        {
            "axes.prop_cycle": cycler(color=lines),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlelocation": "left",
            "axes.titlesize": 11,
            "figure.constrained_layout.use": True,
            "figure.dpi": 110,
            "figure.facecolor": "white",
            "figure.figsize": (7.0, 3.6),
            "font.size": 10,
            "lines.linewidth": 1.8,
            "savefig.facecolor": "white",
        }
    )


def _label_end(axes: Axes, y: float, text: str, colour: str) -> None:
    """Write a label at the right edge, at height y, outside the axes."""
    place = {"xycoords": axes.get_yaxis_transform(), "textcoords": "offset points"}
    axes.annotate(text, (1, y), xytext=(4, 0), va="center", color=colour, fontsize=9, **place)


def counting(losses: Mapping[int, float], parameters: Mapping[int, int]) -> Figure:
    """Draw the held-out loss of count tables against their order, with their sizes.

    Parameters
    ----------
    losses : mapping
        Nats per character by order, as `rnnbook.ngram.losses_by_order` returns.
    parameters : mapping
        Numbers stored by order.
    """
    figure, axes = plt.subplots()
    orders = list(losses)
    best = min(losses, key=losses.__getitem__)
    axes.plot(orders, losses.values(), marker="o", color=COLOURS["grey"])
    for order in orders:
        stored = parameters[order]
        size = f"{stored:,}" if stored < 10_000 else f"{stored / 1000:.0f} k"
        size = size if stored < 1_000_000 else f"{stored / 1e6:.1f} M"
        axes.annotate(
            f"{losses[order]:.2f}\n{size}",
            (order, losses[order]),
            xytext=(4, 6),
            textcoords="offset points",
            # A falling curve leaves room on its right, a rising one does not.
            ha="left" if order <= best else "center",
            fontsize=9,
        )
    axes.set(
        xlabel="order of the table (characters in its longest n-gram)",
        ylabel="held-out loss (nats/char)",
        xticks=orders,
        xlim=(orders[0] - 0.3, orders[-1] + 0.8),
        ylim=(min(losses.values()) - 0.1, max(losses.values()) + 0.35),
    )
    return figure


def loss_curves(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    tables: Mapping[str, float],
    xlabel: str,
) -> Figure:
    """Draw losses along training, lowest curve first, with count tables as level lines.

    Parameters
    ----------
    curves : mapping
        For each label, where it was measured and the loss there, in nats per character.
    tables : mapping
        Loss of each count table by its name, in nats per character.
    xlabel : str
        What was counted along training, with its unit.
    """
    figure, axes = plt.subplots()
    for number, (label, (x, y)) in enumerate(curves.items()):
        (line,) = axes.plot(x, y, marker="os^D"[number], markersize=5)
        axes.annotate(
            label,
            (x[-1], y[-1]),
            xytext=(0, 8 if number else -14),
            textcoords="offset points",
            ha="right",
            color=line.get_color(),
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )
    for name, loss in tables.items():
        axes.axhline(loss, color=COLOURS["grey"], linewidth=1, linestyle=(0, (4, 3)), zorder=1)
        _label_end(axes, loss, name, COLOURS["grey"])
    axes.margins(y=0.1)
    axes.set(xlabel=xlabel, ylabel="loss (nats/char)")
    return figure


def next_character(distributions: Mapping[str, Sequence[float]], characters: str) -> Figure:
    """Draw distributions over the next character, one row of bars each.

    Parameters
    ----------
    distributions : mapping
        For each label the probabilities of `characters`.
    characters : str
        The characters to show, most likely first.
    """
    figure, rows = plt.subplots(
        len(distributions), 1, sharex=True, sharey=True, figsize=(7.0, 1.3 * len(distributions))
    )
    for axes, (label, p) in zip(rows, distributions.items(), strict=True):
        axes.bar(range(len(characters)), p, color=COLOURS["blue"], width=0.7)
        axes.text(0.99, 0.9, label, transform=axes.transAxes, ha="right", va="top")
    names = [{" ": "space", "\n": "line end"}.get(c, c) for c in characters]
    rows[-1].set_xticks(range(len(characters)), names)
    for tick, name in zip(rows[-1].get_xticklabels(), names, strict=True):
        tick.set_rotation(90 if len(name) > 1 else 0)
    rows[-1].set_xlabel("next character")
    figure.supylabel("probability", fontsize=10)
    return figure


def by_rarity(
    losses: Mapping[str, Sequence[float]], groups: Sequence[str], shares: Sequence[float]
) -> Figure:
    """Draw mean losses of characters grouped by how often their history was counted.

    Parameters
    ----------
    losses : mapping
        For each model's name the mean loss of each group, in nats.
    groups : sequence of str
        Names of the groups, rarest first.
    shares : sequence of float
        Share of all characters in each group.
    """
    figure, axes = plt.subplots()
    x = range(len(groups))
    colours = [COLOURS["grey"], COLOURS["blue"]]
    for (name, values), colour, marker in zip(losses.items(), colours, "os", strict=True):
        axes.plot(x, values, color=colour, marker=marker)
        label = {"xytext": (8, 4), "textcoords": "offset points", "color": colour}
        axes.annotate(name, (0, values[0]), **label)
    axes.set_xticks(x, [f"{g}\n{100 * s:.0f} %" for g, s in zip(groups, shares, strict=True)])
    axes.set(
        xlabel="times the last five characters occurred in training, and share of the text",
        ylabel="held-out loss (nats/char)",
    )
    return figure


def by_temperature(curves: Mapping[str, Sequence[float]], temperatures: Sequence[float]) -> Figure:
    """Draw shares measured on samples against the temperature they were drawn at.

    Parameters
    ----------
    curves : mapping
        For each label a share from 0 to 1 for each temperature.
    temperatures : sequence of float
        The temperatures.
    """
    figure, axes = plt.subplots()
    for (label, shares), marker in zip(curves.items(), "os^D", strict=False):
        (line,) = axes.plot(temperatures, [100 * s for s in shares], marker=marker)
        _label_end(axes, 100 * shares[-1], label, line.get_color())
    axes.set(xlabel="temperature", ylabel="share (%)", ylim=(0, 102))
    return figure
