"""The drawings can be read: nothing overlaps, nothing is cut off, wires reach their boxes."""

from itertools import combinations

import matplotlib.pyplot as plt
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

from rnnbook import diagrams
from rnnbook.drawing import FADED, INK

LSTM_PARTS = ["forget", "input", "candidate", "output", "memory"]
GRU_PARTS = ["reset", "update", "candidate", "memory"]
FIGURES = {
    "feedforward_and_recurrent": diagrams.feedforward_and_recurrent,
    "unfolding": diagrams.unfolding,
    "stacking": diagrams.stacking,
    "head": diagrams.head,
    "vanilla": diagrams.vanilla,
    "what_feeds_back": diagrams.what_feeds_back,
    "lstm": diagrams.lstm,
    "gru": diagrams.gru,
    "gru before": lambda: diagrams.gru(reset="before"),
    **{f"lstm {part}": lambda part=part: diagrams.lstm(part) for part in LSTM_PARTS},
    **{f"gru {part}": lambda part=part: diagrams.gru(part) for part in GRU_PARTS},
}
EACH = pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES.keys())


pytestmark = pytest.mark.usefixtures("figures")


def extents(figure):
    """Every piece of text with the rectangle it covers, in pixels."""
    figure.canvas.draw()
    texts = [text for text in figure.axes[0].texts if text.get_text()]
    return {(n, text.get_text()): text.get_window_extent() for n, text in enumerate(texts)}


def colours(figure):
    return {text.get_text(): text.get_color() for text in figure.axes[0].texts}


@EACH
def test_text_neither_overlaps_nor_leaves_the_page(draw):
    figure = draw()
    found = extents(figure)
    width, height = figure.canvas.get_width_height()
    for name, box in found.items():
        assert box.x0 >= 0, name
        assert box.y0 >= 0, name
        assert box.x1 <= width, name
        assert box.y1 <= height, name
    for (first, one), (second, other) in combinations(found.items(), 2):
        assert not one.overlaps(other), f"{first} overlaps {second}"


@EACH
def test_text_stands_inside_or_outside_boxes_but_not_across_their_edge(draw):
    figure = draw()
    found = extents(figure)
    shapes = [p for p in figure.axes[0].patches if isinstance(p, (FancyBboxPatch, Circle))]
    for name, text in found.items():
        for shape in shapes:
            box = shape.get_window_extent()
            inside = box.x0 <= text.x0 and text.x1 <= box.x1
            inside = inside and box.y0 <= text.y0 and text.y1 <= box.y1
            assert inside or not text.overlaps(box), name


@EACH
def test_arrows_run_round_the_boxes_and_every_box_is_reached(draw):
    patches = draw().axes[0].patches
    arrows = [patch._posA_posB for patch in patches if isinstance(patch, FancyArrowPatch)]
    edge = 1e-6
    for node in patches:  # the outline of a cell, at the back, is not a node
        if isinstance(node, FancyArrowPatch) or node.zorder == 0:
            continue
        (x0, y0), (x1, y1) = node.get_path().get_extents(node.get_patch_transform()).get_points()
        reached = False
        for (from_x, from_y), (to_x, to_y) in arrows:
            for share in (0.1, 0.5, 0.9):
                x, y = from_x + share * (to_x - from_x), from_y + share * (to_y - from_y)
                assert not (x0 + edge < x < x1 - edge and y0 + edge < y < y1 - edge)
            reached |= x0 - edge <= to_x <= x1 + edge and y0 - edge <= to_y <= y1 + edge
        assert reached, f"no arrow ends on the box at {x0:.2f}, {y0:.2f}"


@EACH
def test_figures_fit_a_page_and_bring_their_own_background(draw):
    with plt.style.context("dark_background"):
        figure = draw()
    assert figure.get_figwidth() <= 6.3
    assert to_hex(figure.get_facecolor()) == "#ffffff"
    assert set(colours(figure).values()) <= {INK, FADED}
    assert min(text.get_fontsize() for text in figure.axes[0].texts) >= 11


@pytest.mark.parametrize(
    ("draw", "part", "symbol"),
    [
        (diagrams.lstm, "forget", "$f_t$"),
        (diagrams.lstm, "input", "$i_t$"),
        (diagrams.lstm, "candidate", "$g_t$"),
        (diagrams.lstm, "output", "$o_t$"),
        (diagrams.gru, "reset", "$r_t$"),
        (diagrams.gru, "update", "$z_t$"),
        (diagrams.gru, "candidate", "$n_t$"),
    ],
)
def test_a_highlight_keeps_its_gate_and_fades_the_others(draw, part, symbol):
    plain, marked = colours(draw()), colours(draw(part))
    assert FADED not in plain.values()
    assert marked[part] == marked[symbol] == marked["$x_t$"] == INK
    others = {"forget", "input", "candidate", "output", "update", "reset"} & plain.keys() - {part}
    assert {marked[other] for other in others} == {FADED}


@pytest.mark.parametrize("draw", [diagrams.lstm, diagrams.gru])
def test_a_dot_marks_every_branch_into_a_gate(draw):
    """A wire that goes up into a box starts at a dot, or at the end of the wire it comes from."""
    axes = draw().axes[0]
    dots = {(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines if marked(line)}
    ends = {p._posA_posB[1] for p in axes.patches if isinstance(p, FancyArrowPatch)}
    boxes = [p for p in axes.patches if isinstance(p, FancyBboxPatch) and p.zorder > 0]
    for arrow in [patch for patch in axes.patches if isinstance(patch, FancyArrowPatch)]:
        start, (x, y) = arrow._posA_posB
        into = any(box.get_x() < x < box.get_x() + box.get_width() for box in boxes)
        if into and x == start[0] and y in {box.get_y() for box in boxes}:
            assert start in dots | ends, start


def marked(line):
    return line.get_marker() == "o"


def test_the_heads_answers_are_not_the_cells_outputs():
    names = [text for _, text in extents(diagrams.head())]
    assert r"$\hat{y}_1$" in names
    assert "$y_1$" not in names


def test_the_two_grus_differ_in_where_the_recurrent_weights_stand():
    def places(reset, text):
        drawn = diagrams.gru(reset=reset).axes[0].texts
        return [one.get_position() for one in drawn if one.get_text() == text]

    [(x, y)] = places("after", "$W_{hn}$")
    assert any(times_x == x and times_y > y for times_x, times_y in places("after", "×"))
    [(x, y)] = places("before", "$W_{hn}$")
    assert any(times_x < x and times_y == y for times_x, times_y in places("before", "×"))


@pytest.mark.parametrize("draw", [diagrams.lstm, diagrams.gru])
def test_an_unknown_part_is_named_with_the_known_ones(draw):
    with pytest.raises(ValueError, match=r"'peephole'.*candidate"):
        draw("peephole")


def test_a_reset_gate_that_is_nowhere_is_refused():
    with pytest.raises(ValueError, match=r"'after' or 'before'"):
        diagrams.gru(reset="between")


@pytest.mark.parametrize("draw", [diagrams.unfolding, diagrams.stacking])
def test_the_number_of_steps_is_drawn(draw):
    names = [text for _, text in extents(draw(steps=2))]
    assert "$x_2$" in names
    assert "$x_3$" not in names
