"""A score shows the notes of its tune, says in words what it shows, and refuses what is no tune."""

import re
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pytest

from rnnbook import abc_reader, score, tune_book, tune_plots
from rnnbook.parsing import Music21

TUNE = """M:6/8
L:1/8
K:Dmix
D|GAB (3dBG z|[1 c2A A>F[DA] :|[2 c^cd {e}d2||
|:e2g gab|d3 d2::f2e d2A|d3-d2:|"""


@pytest.fixture(scope="module")
def drawn():
    return score.Score(TUNE)


def notes(svg: str) -> int:
    return svg.count('class="note"')


def test_the_score_is_well_formed_and_asks_for_nothing_from_elsewhere(drawn):
    tree = ElementTree.fromstring(drawn.svg)
    assert tree.tag.endswith("svg")
    assert "<script" not in drawn.svg
    assert all(link.startswith("#") for link in re.findall(r'href="([^"]*)"', drawn.svg))
    colours = re.findall(r' (?:color|fill|stroke)="([^"]*)"', drawn.svg)
    assert set(colours) == {"currentColor", "none"}


def test_it_has_every_note_ending_and_repeat(drawn):
    reading = abc_reader.read(TUNE)
    assert (
        notes(drawn.svg) == sum(note.pitch is not None for bar in reading.bars for note in bar) + 1
    )
    assert drawn.svg.count('class="ending') == 2
    assert drawn.svg.count('class="tuplet"') == 1


def test_the_same_tune_looks_the_same_and_another_has_other_names(drawn):
    assert score.Score(TUNE).svg == drawn.svg
    other = score.Score(TUNE.replace("D|", "E|"))
    names = [set(re.findall(r' id="([^"]+)"', svg)) for svg in (drawn.svg, other.svg)]
    assert names[0]
    assert not names[0] & names[1]


def test_it_is_described_in_words(drawn):
    assert drawn.description == (
        "Score of a tune in 6/8, D Mixolydian, 8 bars; it begins D, G, A, B, D, B."
    )
    assert f'aria-label="{drawn.description}"' in drawn._repr_html_()
    flat = score.describe("M:4/4\nL:1/8\nK:Bbm\nB_e|")
    assert flat == "Score of a tune in 4/4, B flat minor, 1 bar; it begins B flat, E flat."


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "M:4/4\nK:C\n",
        "M:99999999/1\nL:1/8\nK:C\nA",
        'M:4/4\nK:C\n"<script>"|',
        "\0" * 99,
    ],
)
def test_what_is_no_tune_is_refused_with_the_reason(text):
    with pytest.raises(ValueError, match=r"music21 cannot read this tune: \w"):
        score.Score(text, seconds=3)


def test_real_tunes_keep_their_notes(corpus_text):
    wrong = []
    with Music21() as music21:
        for tune in tune_book.split(corpus_text("tune_book"))[-25:]:
            reading = abc_reader.read(tune)
            chords = re.findall(r"\[[\^_=A-Ga-g,'/\d]+\]", tune)
            expected = sum(note.pitch is not None for bar in reading.bars for note in bar)
            expected += sum(len(re.findall("[A-Ga-g]", chord)) - 1 for chord in chords)
            plain = re.sub(r"\{[^}]*\}", "", tune)
            if notes(score._engrave(music21.musicxml(plain), 1)) != expected:
                wrong.append(tune)
    assert len(wrong) <= 1


def test_the_piano_roll_has_a_bar_for_each_note():
    figure = tune_plots.piano_roll(TUNE, np.linspace(-1, 1, len(TUNE)), bars=3)
    roll, below = figure.axes
    reading = abc_reader.read(TUNE)
    sounding = [note for bar in reading.bars[:3] for note in bar if note.pitch is not None]
    assert [bar.get_width() / 0.94 / 8 for bar in roll.patches] == pytest.approx(
        [float(note.length) for note in sounding]
    )
    assert [bar.get_y() + 0.4 for bar in roll.patches] == [note.pitch for note in sounding]
    assert below.get_ylabel() == "activity"
    plt.close(figure)
