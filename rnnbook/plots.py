"""The book's figures of text models, and the one style all its figures share."""

import matplotlib.pyplot as plt
from cycler import cycler

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
