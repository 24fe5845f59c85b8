"""A sheet of paper for network diagrams: boxes with weights, operations, and wires between them.

It knows nothing of networks; the figures themselves are in ``diagrams``.
"""

from dataclasses import dataclass

import matplotlib.pyplot as plt
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

from rnnbook.plots import COLOURS

Point = tuple[float, float]
INK, FADED, PAPER = "#222222", "#C4C4C4", "#FFFFFF"


@dataclass(frozen=True)
class Node:
    """A box or circle, and the four points where wires meet it."""

    x: float
    y: float
    width: float
    height: float

    @property
    def left(self) -> Point:
        """Return the left side's middle."""
        return self.x - self.width / 2, self.y

    @property
    def right(self) -> Point:
        """Return the right side's middle."""
        return self.x + self.width / 2, self.y

    @property
    def top(self) -> Point:
        """Return the top side's middle."""
        return self.x, self.y + self.height / 2

    @property
    def bottom(self) -> Point:
        """Return the bottom side's middle."""
        return self.x, self.y - self.height / 2


class Drawing:
    """A sheet measured in inches.

    Whatever is drawn may name the parts of a cell it belongs to, separated by spaces. With a
    ``focus``, everything that names other parts only is faded.
    """

    def __init__(self, width: float, height: float, focus: str | None = None) -> None:
        self.figure: Figure = plt.figure(
            figsize=(width, height), dpi=150, facecolor=PAPER, layout="none"
        )
        self.axes = self.figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height))
        self.axes.axis("off")
        self.focus = focus

    def _faded(self, part: str) -> bool:
        return bool(self.focus and part) and self.focus not in part.split()

    def box(
        self,
        x: float,
        y: float,
        text: str,
        colour: str = "grey",
        part: str = "",
        size: Point = (0.62, 0.46),
    ) -> Node:
        """Draw something with weights."""
        node = Node(x, y, *size)
        tint = tuple(0.25 * channel + 0.75 for channel in to_rgb(COLOURS[colour]))
        patch = FancyBboxPatch(
            (node.left[0], node.bottom[1]),
            *size,
            boxstyle="round,pad=0,rounding_size=0.07",
            facecolor=PAPER if self._faded(part) else tint,
            edgecolor=FADED if self._faded(part) else COLOURS[colour],
            linewidth=2,
            zorder=3,
        )
        self.axes.add_patch(patch)
        self.text(x, y, text, part)
        return node

    def circle(self, x: float, y: float, text: str, part: str = "", radius: float = 0.17) -> Node:
        """Draw an operation without weights, element by element."""
        colour = FADED if self._faded(part) else INK
        patch = Circle((x, y), radius, facecolor=PAPER, edgecolor=colour, linewidth=1.6, zorder=3)
        self.axes.add_patch(patch)
        self.text(x, y, text, part, size=11 if radius > 0.17 else 15)
        return Node(x, y, 2 * radius, 2 * radius)

    def text(
        self, x: float, y: float, text: str, part: str = "", size: float = 14, align: str = "center"
    ) -> None:
        """Write text, with mathtext between dollar signs."""
        colour = FADED if self._faded(part) else INK
        style = {"size": size, "color": colour, "ha": align, "va": "center", "zorder": 5}
        self.axes.text(x, y, text, math_fontfamily="cm", **style)

    def wire(
        self, *points: Point, part: str = "", head: bool = True, colour: str = INK, dash: str = "-"
    ) -> None:
        """Draw straight pieces through the points, with an arrow head at the last one."""
        faded = self._faded(part)
        colour = FADED if faded else colour
        xs, ys = zip(*points[:-1], strict=True)
        last, end = points[-2], points[-1]
        style = {"color": colour, "linewidth": 1.8, "linestyle": dash, "zorder": 1 if faded else 2}
        self.axes.plot(xs, ys, solid_capstyle="round", **style)
        shape = "-|>" if head else "-"
        arrow = FancyArrowPatch(
            last, end, arrowstyle=shape, mutation_scale=13, shrinkA=0, shrinkB=0
        )
        arrow.set(capstyle="round" if dash == "-" else "butt", **style)
        self.axes.add_patch(arrow)

    def dot(self, x: float, y: float, part: str = "") -> None:
        """Mark that a wire branches here; wires that cross without a dot do not meet."""
        colour, depth = (FADED, 1) if self._faded(part) else (INK, 2)
        self.axes.plot(x, y, "o", color=colour, markersize=4.5, zorder=depth)

    def symbols(self, *places: tuple[float, float, str]) -> None:
        """Write formulas, each given as its place and its text."""
        for x, y, symbol in places:
            self.text(x, y, f"${symbol}$")

    def through(self, box: Node, below: str, above: str) -> None:
        """Lead a wire up into a box and another out of it, and name what they carry."""
        self.wire((box.x, box.y - 0.8), box.bottom)
        self.wire(box.top, (box.x, box.y + 0.8))
        self.symbols((box.x, box.y - 0.98, below), (box.x, box.y + 1.0, above))

    def loop(self, box: Node, out: str, back: str) -> None:
        """Lead a wire out of a box's right side and back into it."""
        right, y = box.right
        turn = right + 0.5
        self.wire((right, y + 0.16), (turn, y + 0.16), (turn, y - 0.16), (right, y - 0.16))
        self.text(right + 0.1, y + 0.36, f"${out}$", align="left")
        self.text(right + 0.1, y - 0.38, f"${back}$", align="left")

    def gate(
        self,
        x: float,
        y: float,
        squash: str,
        symbol: str,
        colour: str,
        part: str,
        floor: float = 0.78,
    ) -> Node:
        """Draw a box with its name below and the symbol of its output at its upper right."""
        self.text(x, floor, part, part, size=12)
        self.text(x + 0.08, y + 0.4, f"${symbol}$" if symbol else "", part, align="left")
        return self.box(x, y, squash, colour, part)

    def title(self, equation: str) -> None:
        """Write an equation across the top."""
        height = self.figure.get_figheight()
        self.text(self.figure.get_figwidth() / 2, height - 0.25, equation, size=15)

    def outline(self, left: float, bottom: float, right: float, top: float) -> None:
        """Draw the border of a cell."""
        patch = FancyBboxPatch(
            (left, bottom),
            right - left,
            top - bottom,
            boxstyle="round,pad=0,rounding_size=0.15",
            facecolor="#F6F6F6",
            edgecolor="#9A9A9A",
            linewidth=1.2,
            zorder=0,
        )
        self.axes.add_patch(patch)
