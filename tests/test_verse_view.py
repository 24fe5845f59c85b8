"""Chapter 6 shows verses as Spanish and as text, and draws every point it is given."""

import pytest

from rnnbook import verse_plots
from rnnbook.verse_view import Verses

pytestmark = pytest.mark.usefixtures("figures")


def test_verses_are_marked_as_spanish_and_their_titles_are_not():
    page = Verses({"By hand": "\nAquí me pongo a cantar\n"})._repr_html_()
    before, verse = page.split("Aquí me pongo a cantar")
    assert before.endswith(">")
    assert '<pre lang="es"' in before.split("By hand")[1]
    assert "lang" not in before.split("By hand")[0]
    assert verse.startswith("</pre>")


def test_what_a_model_wrote_is_never_read_as_html():
    page = Verses({"<b>": "<script>alert(1)</script> & ¡sí!"})._repr_html_()
    assert "<script>" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; ¡sí!" in page


def test_without_html_the_texts_stand_below_each_other():
    assert repr(Verses({"one": "canto\n", "two": "cantas"})) == "one\n\ncanto\n\ntwo\n\ncantas"


def test_every_change_has_its_row_and_its_figure():
    figure = verse_plots.losses_by_change({"nothing": 1.58, "dropout": 1.51}, table=1.6)
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["nothing", "dropout"]
    rows = {text.get_text(): text.xy for text in axes.texts if text.get_text()[0].isdigit()}
    assert rows == {"1.580": (1.58, 0), "1.510": (1.51, 1)}
    top, bottom = axes.get_ylim()[1], axes.get_ylim()[0]
    assert top < 0 < 1 < bottom  # the first row is the upper one


def test_every_writer_has_its_points_and_its_name():
    writers = {"counts": [(0.1, 0.2)], "ours": [(0.0, 0.9), (0.3, 0.95)]}
    figure = verse_plots.copied_against_quality(writers, "copied", "octosyllables")
    (axes,) = figure.axes
    drawn = {line.get_label(): list(zip(*line.get_data(), strict=True)) for line in axes.lines}
    assert drawn == writers
    assert len({line.get_marker() for line in axes.lines}) == 2
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(writers)
