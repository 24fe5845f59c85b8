"""Drawings of networks and cells, one function a figure, in the book's notation.

They hold no data and compute nothing. Every figure is about six inches wide with large type, so
that it can still be read at the width of a phone.
"""

from itertools import pairwise

from matplotlib.figure import Figure

from rnnbook.drawing import Drawing, Node
from rnnbook.plots import COLOURS


def feedforward_and_recurrent() -> Figure:
    """Draw a feed-forward layer beside a recurrent cell, which also reads its own last state."""
    drawing = Drawing(4.6, 2.9)
    for x, name, colour in ((1.0, "layer", "grey"), (3.1, "cell", "blue")):
        box = drawing.box(x, 1.65, name, colour, size=(1.0, 0.62))
        drawing.through(box, "x_t", "y_t")
    drawing.text(1.0, 0.22, "feed-forward")
    drawing.text(3.1, 0.22, "recurrent")
    drawing.loop(box, "h_t", "h_{t-1}")
    return drawing.figure


def unfolding(steps: int = 3) -> Figure:
    """Draw a recurrent cell and, beside it, the same cell once for every step."""
    drawing = Drawing(2.75 + 1.15 * steps, 2.9)
    folded = drawing.box(0.6, 1.65, "cell", "blue", size=(0.7, 0.62))
    drawing.through(folded, "x_t", "y_t")
    drawing.loop(folded, "h_t", "h_{t-1}")
    drawing.text(1.87, 1.65, "=", size=20)
    cells = _row(drawing, 1.65, [2.9 + 1.15 * step for step in range(steps)], "cell", "blue")
    for step, cell in enumerate(cells, start=1):
        drawing.through(cell, f"x_{step}", f"y_{step}")
    drawing.text(0.6, 0.22, "folded")
    drawing.text(2.9 + 0.575 * (steps - 1), 0.22, "unfolded: the same cell every step")
    return drawing.figure


def stacking(steps: int = 3) -> Figure:
    """Draw two recurrent layers unfolded; dropout acts on the way up between them."""
    drawing = Drawing(2.1 + 1.3 * steps, 3.9)
    xs = [1.75 + 1.3 * step for step in range(steps)]
    lower = _row(drawing, 1.2, xs, "cell", "blue", above="1")
    upper = _row(drawing, 2.75, xs, "cell", "green", above="2")
    for step, (below, above) in enumerate(zip(lower, upper, strict=True), start=1):
        drawing.wire((below.x, 0.5), below.bottom)
        drawing.wire(below.top, above.bottom, colour=COLOURS["vermillion"], dash="--")
        drawing.wire(above.top, (above.x, 3.45))
        drawing.symbols((below.x, 0.32, f"x_{step}"), (above.x, 3.63, f"y_{step}"))
    drawing.text(0.12, 1.2, "layer 1", align="left", size=12)
    drawing.text(0.12, 2.75, "layer 2", align="left", size=12)
    drawing.text(xs[0] + 0.65, 1.97, "dropout", size=12)
    return drawing.figure


def _row(
    drawing: Drawing, y: float, xs: list[float], name: str, colour: str, above: str = ""
) -> list[Node]:
    """Draw one cell a step, joined by the state; ``above`` is the layer's number, if it has one."""
    cells = [drawing.box(x, y, name, colour, size=(0.7, 0.62)) for x in xs]
    ends = [(xs[0] - 0.85, y), *[cell.right for cell in cells]]
    for step, start in enumerate(ends):
        end = cells[step].left if step < len(cells) else (start[0] + 0.5, y)
        drawing.wire(start, end)
        label = f"h_{step}^{{({above})}}" if above else f"h_{step}"
        drawing.text((start[0] + end[0]) / 2 - 0.03, y + 0.24, f"${label}$", size=13)
    return cells


def head(steps: int = 3) -> Figure:
    """Draw a head applied at every step, and a head applied once to the stacked outputs."""
    drawing = Drawing(0.4 + 1.9 * steps, 3.2)
    right = 1.0 + 0.92 * steps
    for left, title in ((0.55, "head called at every step"), (right, "head called once")):
        xs = [left + 0.88 * step for step in range(steps)]
        middle = (xs[0] + xs[-1]) / 2
        cells = [drawing.box(x, 1.1, "cell", "blue", size=(0.58, 0.44)) for x in xs]
        for first, second in pairwise(cells):
            drawing.wire(first.right, second.left)
        if left < 1:
            heads = [drawing.box(x, 1.9, "head", "orange", size=(0.62, 0.44)) for x in xs]
        else:
            heads = [drawing.box(middle, 1.9, "head", "orange", size=(0.88 * steps - 0.2, 0.44))]
        for step, cell in enumerate(cells, start=1):
            drawing.wire((cell.x, 0.6), cell.bottom)
            drawing.wire(cell.top, (cell.x, heads[0].bottom[1]))
            drawing.wire((cell.x, heads[0].top[1]), (cell.x, 2.42))
            drawing.symbols((cell.x, 0.45, f"x_{step}"), (cell.x, 2.6, rf"\hat{{y}}_{step}"))
        drawing.text(middle, 2.95, title, size=12)
    return drawing.figure


def vanilla() -> Figure:
    """Draw the vanilla cell: one weighted sum of input and state, squashed by tanh."""
    drawing = Drawing(4.9, 3.3)
    drawing.title(r"$h_t = \tanh(W_{xh}\,x_t + W_{hh}\,h_{t-1} + b_h)$")
    drawing.outline(0.75, 0.5, 4.05, 2.25)
    box = drawing.box(2.4, 1.55, "tanh", "blue", size=(0.75, 0.46))
    _bus(drawing, 0.95, [box], x_at=1.2)
    drawing.wire(box.right, (4.18, 1.55))
    drawing.wire((3.5, 1.55), (3.5, 2.4))
    drawing.dot(3.5, 1.55)
    drawing.symbols((0.38, 0.95, "h_{t-1}"), (1.2, 0.13, "x_t"))
    drawing.symbols((4.42, 1.55, "h_t"), (3.5, 2.58, "y_t = h_t"))
    return drawing.figure


def what_feeds_back() -> Figure:
    """Draw the two vanilla architectures: the state goes back, or the output does."""
    drawing = Drawing(6.2, 3.9)
    for x, title, symbol in ((1.2, "Arch 1: the state", "h"), (4.2, "Arch 2: the output", "p")):
        hidden = drawing.box(x, 1.35, "hidden", "blue", size=(1.0, 0.56))
        head = drawing.box(x, 2.5, "softmax", "grey", size=(1.0, 0.5))
        drawing.wire((x, 0.55), hidden.bottom)
        drawing.wire(hidden.top, head.bottom)
        drawing.wire(head.top, (x, 3.15))
        drawing.symbols((x, 0.38, "x_t"), (x - 0.28, 1.92, "h_t"), (x, 3.33, "p_t"))
        drawing.text(x + 0.2, 3.7, title, size=13)
        source = {"h": hidden, "p": head}[symbol]
        turn = x + 1.0
        # The way back enters below the middle, where the way out does not run.
        drawing.wire(
            source.right,
            (turn, source.y),
            (turn, hidden.y - 0.16),
            (hidden.right[0], hidden.y - 0.16),
            colour=COLOURS["vermillion"],
        )
        drawing.text(turn + 0.08, hidden.y - 0.16, f"${symbol}_{{t-1}}$", align="left")
    return drawing.figure


def _bus(drawing: Drawing, y: float, boxes: list[Node], x_at: float, parts: str = "") -> None:
    """Join h from the left and x from below in one wire, and lead it up into every box."""
    drawing.wire((0.62, y), (boxes[-1].x, y), part=parts, head=False)
    drawing.wire((x_at, 0.28), (x_at, y), part=parts, head=False)
    drawing.dot(x_at, y, part=parts)
    for box, part in zip(boxes, parts.split() or [""], strict=True):
        drawing.wire((box.x, y), box.bottom, part=part)
        if box is not boxes[-1]:
            drawing.dot(box.x, y, part=parts)


def lstm(highlight: str | None = None) -> Figure:
    """Draw the LSTM cell.

    Parameters
    ----------
    highlight : {"forget", "input", "candidate", "output", "memory"}, optional
        The one part to show in full colour, under its equation; all parts when not given.

    Raises
    ------
    ValueError
        If the cell has no such part.
    """
    drawing = Drawing(6.0, 4.3, highlight)
    drawing.title(_equation(highlight, {
        None: r"$c_t = f_t \odot c_{t-1} + i_t \odot g_t \qquad h_t = o_t \odot \tanh\, c_t$",
        "forget": r"$f_t = \sigma(W_{xf}\,x_t + W_{hf}\,h_{t-1} + b_f)$",
        "input": r"$i_t = \sigma(W_{xi}\,x_t + W_{hi}\,h_{t-1} + b_i)$",
        "candidate": r"$g_t = \tanh(W_{xg}\,x_t + W_{hg}\,h_{t-1} + b_g)$",
        "output": r"$o_t = \sigma(W_{xo}\,x_t + W_{ho}\,h_{t-1} + b_o)$",
        "memory": r"$c_t = f_t \odot c_{t-1} + i_t \odot g_t$",
    }))  # fmt: skip
    drawing.outline(0.75, 0.5, 5.25, 3.75)
    f = drawing.gate(1.5, 1.6, "σ", "f_t", "vermillion", "forget")
    i = drawing.gate(2.38, 1.6, "σ", "i_t", "green", "input")
    g = drawing.gate(3.26, 1.6, "tanh", "g_t", "blue", "candidate")
    o = drawing.gate(4.14, 1.6, "σ", "o_t", "purple", "output")
    _bus(drawing, 1.05, [f, i, g, o], x_at=1.0, parts="forget input candidate output")

    forget = drawing.circle(f.x, 3.25, "×", "forget memory")
    add = drawing.circle(g.x, 3.25, "+", "memory")
    admit = drawing.circle(g.x, 2.55, "×", "input candidate memory")
    squash = drawing.circle(4.85, 2.73, "tanh", "output", radius=0.24)
    emit = drawing.circle(4.85, 2.12, "×", "output")
    drawing.wire(f.top, forget.bottom, part="forget")
    drawing.wire(i.top, (i.x, admit.y), admit.left, part="input")
    drawing.wire(g.top, admit.bottom, part="candidate")
    drawing.wire(o.top, (o.x, emit.y), emit.left, part="output")
    memory = [(0.62, 3.25), forget.left], [forget.right, add.left], [add.right, (5.38, 3.25)]
    for points in (*memory, [admit.top, add.bottom]):
        drawing.wire(*points, part="memory", colour=COLOURS["vermillion"])
    drawing.dot(squash.x, 3.25, part="output")
    drawing.wire((squash.x, 3.25), squash.top, part="output")
    drawing.wire(squash.bottom, emit.top, part="output")
    drawing.wire(emit.bottom, (emit.x, 1.05), (5.38, 1.05), part="output")
    drawing.symbols((0.35, 3.25, "c_{t-1}"), (0.35, 1.05, "h_{t-1}"), (1.0, 0.13, "x_t"))
    drawing.symbols((5.62, 3.25, "c_t"), (5.62, 1.05, "h_t"))
    return drawing.figure


def _equation(highlight: str | None, equations: dict[str | None, str]) -> str:
    if highlight not in equations:
        raise ValueError(f"no part {highlight!r} to highlight: use one of {list(equations)}")
    return equations[highlight]


def gru(highlight: str | None = None, reset: str = "after") -> Figure:
    """Draw the GRU cell.

    Parameters
    ----------
    highlight : {"reset", "update", "candidate", "memory"}, optional
        The one part to show in full colour, under its equation; all parts when not given.
    reset : {"after", "before"}
        Whether the reset gate acts after the recurrent product (``torch.nn.GRU``) or before it
        (Cho et al. 2014).

    Raises
    ------
    ValueError
        If the cell has no such part, or the reset gate is neither before nor after.
    """
    inner = {
        "after": r"b_{xn} + r_t \odot (W_{hn}\,h_{t-1} + b_{hn})",
        "before": r"W_{hn}(r_t \odot h_{t-1}) + b_n",
    }
    if reset not in inner:
        raise ValueError(f"the reset gate acts 'after' or 'before' the product, not {reset!r}")
    drawing = Drawing(6.1, 4.5, highlight)
    drawing.title(_equation(highlight, {
        None: r"$h_t = (1 - z_t) \odot n_t + z_t \odot h_{t-1}$",
        "update": r"$z_t = \sigma(W_{xz}\,x_t + W_{hz}\,h_{t-1} + b_z)$",
        "reset": r"$r_t = \sigma(W_{xr}\,x_t + W_{hr}\,h_{t-1} + b_r)$",
        "candidate": rf"$n_t = \tanh(W_{{xn}}\,x_t + {inner[reset]})$",
        "memory": r"$h_t = (1 - z_t) \odot n_t + z_t \odot h_{t-1}$",
    }))  # fmt: skip
    drawing.outline(0.75, 0.5, 5.35, 3.95)
    z = drawing.gate(1.6, 2.2, "σ", "z_t", "vermillion", "update", floor=0.75)
    r = drawing.gate(2.5, 2.2, "σ", "", "green", "reset", floor=0.75)
    n = drawing.gate(4.85, 2.2, "tanh", "n_t", "blue", "candidate", floor=0.75)
    drawing.text(2.98, 2.4, "$r_t$", "reset candidate")
    keep = drawing.circle(z.x, 3.5, "×", "update memory")
    flip = drawing.circle(3.2, 2.88, "1−", "update", radius=0.2)
    take = drawing.circle(n.x, 2.88, "×", "update memory")
    add = drawing.circle(n.x, 3.5, "+", "memory")
    product = drawing.circle(3.35, 2.2, "×", "reset candidate")

    x_wire, h_wire = 1.02, 1.28
    gates = "update reset candidate"
    drawing.wire((1.05, 3.5), (1.05, h_wire), (product.x, h_wire), part=gates, head=False)
    drawing.wire((1.05, 0.28), (1.05, x_wire), (n.x, x_wire), part=gates, head=False)
    drawing.wire((n.x, x_wire), n.bottom, part="candidate")
    drawing.dot(1.05, 3.5, part=gates)
    for gate, part in ((z, "update"), (r, "reset")):
        for x, y in ((gate.x - 0.14, h_wire), (gate.x + 0.14, x_wire)):
            drawing.wire((x, y), (x, gate.bottom[1]), part=part)
            drawing.dot(x, y, part)
    drawing.wire(r.right, product.left, part="reset candidate")
    if reset == "after":
        weights = drawing.box(product.x, 1.68, "$W_{hn}$", "blue", "candidate", (0.62, 0.36))
        drawing.wire((product.x, h_wire), weights.bottom, part="candidate")
        drawing.wire(weights.top, product.bottom, part="candidate")
        drawing.wire(product.right, n.left, part="candidate")
    else:
        weights = drawing.box(4.02, 2.2, "$W_{hn}$", "blue", "candidate", (0.56, 0.36))
        drawing.wire((product.x, h_wire), product.bottom, part="candidate")
        drawing.wire(product.right, weights.left, part="candidate")
        drawing.wire(weights.right, n.left, part="candidate")
    drawing.wire(z.top, keep.bottom, part="update")
    drawing.wire((z.x, flip.y), flip.left, part="update")
    drawing.dot(z.x, flip.y, "update")
    drawing.wire(flip.right, take.left, part="update")
    drawing.wire(n.top, take.bottom, part="candidate")
    memory = [(0.62, 3.5), keep.left], [keep.right, add.left], [add.right, (5.48, 3.5)]
    for points in (*memory, [take.top, add.bottom]):
        drawing.wire(*points, part="memory", colour=COLOURS["vermillion"])
    drawing.symbols((0.35, 3.5, "h_{t-1}"), (1.05, 0.13, "x_t"), (5.72, 3.5, "h_t"))
    return drawing.figure
