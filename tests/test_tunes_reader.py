from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbook import abc_fields, abc_reader
from rnnbook.abc_music import Line

EIGHTH = Fraction(1, 8)


def read(music: str, metre: str = "4/4", key: str = "C"):
    return abc_reader.read(f"M:{metre}\nL:1/8\nK:{key}\n{music}")


def notes(music: str, **fields: str):
    return [note for bar in read(music, **fields).bars for note in bar]


def pitches(music: str, **fields: str) -> list[int | None]:
    return [note.pitch for note in notes(music, **fields)]


def eighths(music: str, **fields: str) -> list[Fraction]:
    return [note.length / EIGHTH for note in notes(music, **fields)]


class TestLengths:
    @pytest.mark.parametrize(
        ("music", "expected"),
        [
            ("A A2 A3/2 A/ A/2 A// A3/", [1, 2, "3/2", "1/2", "1/2", "1/4", "3/2"]),
            ("A>B c<d", ["3/2", "1/2", "1/2", "3/2"]),
            ("A>>B A{g}>B", ["7/4", "1/4", "3/2", "1/2"]),
            ("(3ABc d", ["2/3", "2/3", "2/3", 1]),
            ("(3:2:2A2B c", ["4/3", "2/3", 1]),
            ("(2AB (4ABcd", ["3/2"] * 2 + ["3/4"] * 4),
            ("[Ace]2 [A2e2]/ z2", [2, 1, 2]),
            ("{gf}A (Bc)- c", [1, 1, 1, 1]),
        ],
    )
    def test_what_a_note_lasts(self, music, expected):
        assert eighths(music) == [Fraction(length) for length in expected]

    def test_five_notes_take_the_time_of_two_or_in_a_compound_metre_of_three(self):
        assert eighths("(5ABcde", metre="2/4") == [Fraction(2, 5)] * 5
        assert eighths("(5ABcde", metre="6/8") == [Fraction(3, 5)] * 5

    def test_without_a_unit_it_follows_from_the_metre(self):
        def first(metre: str) -> Fraction:
            return abc_reader.read(f"M:{metre}\nK:C\nA|").bars[0][0].length

        assert first("6/8") == first("C|") == EIGHTH
        assert first("2/4") == first("5/8") == EIGHTH / 2


class TestPitches:
    def test_octaves_rests_and_the_highest_of_a_chord(self):
        assert pitches("C, C c c' z [CEG]") == [48, 60, 72, 84, None, 67]

    def test_the_key_signature_moves_notes(self):
        assert pitches("FcB", key="D") == [66, 73, 71]
        assert pitches("FcB", key="Bb") == pitches("FcB", key="Gm") == [65, 72, 70]
        assert pitches("FcB", key="Amix") == pitches("FcB", key="D")

    def test_an_accidental_holds_for_its_letter_until_the_bar_ends(self):
        assert pitches("^ffF =f | f") == [78, 78, 66, 77, 77]

    def test_a_note_is_altered_where_it_leaves_the_signature(self):
        assert [note.altered for note in notes("f ^f =f =ff", key="D")] == [0, 0, 1, 1, 1]

    def test_a_note_knows_where_it_is_written(self):
        tune = "M:4/4\nL:1/8\nK:C\nA {g}^f2 | [ce]"
        assert [tune[note.at :] for note in notes("A {g}^f2 | [ce]")][1:] == ["^f2 | [ce]", "ce]"]


class TestLines:
    @pytest.mark.parametrize(
        ("signs", "line"),
        [
            ("|", Line()),
            (":|", Line(closes=True)),
            ("|:", Line(opens=True)),
            ("::", Line(closes=True, opens=True)),
            (":|:", Line(closes=True, opens=True)),
            (":||:", Line(closes=True, opens=True, double=True)),
            (":|\n|:", Line(closes=True, opens=True)),
            ("||", Line(double=True)),
            ("|]", Line(double=True)),
            ("|1", Line(ending="1")),
            ("|[1", Line(ending="1")),
            (":|2", Line(closes=True, ending="2")),
            (":| [2", Line(closes=True, ending="2")),
        ],
    )
    def test_what_stands_between_two_bars(self, signs, line):
        reading = read(f"A {signs} B")
        assert reading.lines == (Line(), line, Line())
        assert len(reading.bars) == 2
        assert reading.errors == ()

    def test_a_line_of_music_may_look_like_a_field(self):
        assert len(read("ABcd\nA:|\n").bars) == 1


class TestErrors:
    @pytest.mark.parametrize(
        ("tune", "error"),
        [
            ("L:1/8\nK:C\nA", "no metre"),
            ("M:0/0\nL:1/8\nK:C\nA", "no metre"),
            ("M:99999999/1\nL:1/8\nK:C\nA", "no metre"),
            ("M:4/4\nL:1/7\nK:C\nA", "no unit of length"),
            ("M:4/4\nL:1/8\nK:Hp\nA", "no key"),
            ("M:4/4\nL:1/8\nK:C\nA ? B", "'?'"),
            ("M:4/4\nL:1/8\nK:C\nA0 B", "without length"),
            ("M:4/4\nL:1/8\nK:C\nA/0 B", "without length"),
            ("M:4/4\nL:1/8\nK:C\nA12345", "'4'"),
            ("M:4/4\nL:1/8\nK:C\n[AB | c]", "without its end"),
            ("M:4/4\nL:1/8\nK:C\n[AB", "without its end"),
            ("M:4/4\nL:1/8\nK:C\nAB]", "without notes"),
            ("M:4/4\nL:1/8\nK:C\n{AB c", "'{'"),
            ("M:4/4\nL:1/8\nK:C\n(3AB", "too few notes"),
            ("M:4/4\nL:1/8\nK:C\n(3A(3Bcd", "within a tuplet"),
            ("M:4/4\nL:1/8\nK:C\n>A", "without a note before"),
            ("M:4/4\nL:1/8\nK:C\nA>", "too few notes"),
            ("M:4/4\nL:1/8\nK:C\nA |\nM:3/4\nB", "field within"),
            ("M:4/4\nL:1/8\nK:C\nA | [K:D] B", "field within"),
        ],
    )
    def test_what_cannot_be_read_is_listed(self, tune, error):
        assert error in " ".join(abc_reader.read(tune).errors)

    @settings(max_examples=300, deadline=None)
    @given(
        st.one_of(
            st.text(max_size=200),
            st.text(alphabet="ABcdz^_=',/0123456789|:[](){}<>-\"!\\ \n%KML~", max_size=200),
        )
    )
    def test_nothing_raises(self, music):
        for tune in (music, f"M:6/8\nL:1/8\nK:D\n{music}"):
            reading = abc_reader.read(tune)
            assert len(reading.lines) == len(reading.bars) + 1


class TestFields:
    @pytest.mark.parametrize(
        ("written", "short"),
        [
            ("G", "G"),
            ("E Minor", "Em"),
            ("Am", "Am"),
            ("AMix", "Amix"),
            ("Bb", "Bb"),
            ("F#m", "F#m"),
            ("D Dorian", "Ddor"),
            ("Cmaj", "C"),
            ("EM", None),
            ("Hp", None),
            ("", None),
        ],
    )
    def test_a_key_has_one_form(self, written, short):
        assert abc_fields.key(written) == short

    def test_signatures_and_tonics(self):
        def sharps(key: str) -> int:
            return sum(abc_fields.signature(key).values())

        assert [sharps(key) for key in ("C", "A", "Em", "Eb", "Ddor", "Amix", "F#")] == [
            *(0, 3, 1, -3, 0, 2, 6)
        ]
        assert [abc_fields.tonic(key) for key in ("C", "Em", "Bb", "F#m", "Cb")] == [
            0,
            4,
            10,
            6,
            11,
        ]
