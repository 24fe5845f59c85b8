"""Figures that look inside a model show every character, readable on its ground."""

import pytest
from matplotlib.colors import to_rgb

from rnnbook import inside_plots

pytestmark = pytest.mark.usefixtures("figures")


def luminance(colour) -> float:
    """Relative luminance by the Web Content Accessibility Guidelines, from 0 to 1."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return sum(share * c for share, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_every_character_is_drawn_on_a_ground_it_can_be_read_on():
    text = "ROMEO:\n$x_1$ <b>"
    values = [-1 + 2 * i / (len(text) - 1) for i in range(len(text))]
    figure = inside_plots.shaded_text(text, {"unit 7": values})
    figure.canvas.draw()  # a lone $ would be taken for mathematics
    (axes,) = figure.axes
    assert axes.get_title() == "unit 7"
    assert "".join(glyph.get_text() for glyph in axes.texts) == text.replace("\n", "¶")
    grounds = [luminance(cell.get_facecolor()[:3]) for cell in axes.patches]
    assert grounds == sorted(grounds, reverse=True)  # the more active, the darker
    for glyph, ground in zip(axes.texts, grounds, strict=True):
        lighter, darker = sorted([luminance(glyph.get_color()), ground], reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def test_lines_end_at_line_ends_and_at_the_width():
    figure = inside_plots.shaded_text("ab\ncdefg", {"unit": [0.0] * 8}, width=4)
    cells = [(cell.get_x(), cell.get_y()) for cell in figure.axes[0].patches]
    assert cells == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (3, 1), (0, 2)]


def test_loss_by_context_averages_what_it_joins():
    losses = [3.0] + [2.0] * 9 + [1.0] * 90
    figure = inside_plots.loss_by_context({"LSTM": losses}, {"6-gram": 1.6})
    (axes,) = figure.axes
    x, y = axes.lines[0].get_data()
    assert (x[0], y[0]) == (1, 3.0)
    assert y[-1] == 1.0
    assert list(y) == sorted(y, reverse=True)
    assert [text.get_text() for text in axes.texts] == ["LSTM", "6-gram"]
