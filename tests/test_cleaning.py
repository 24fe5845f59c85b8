"""The rules that turn Markdown, Wikipedia's XML and ABC files into plain text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbook import cleaning

HAMLET = r"""# Hamlet

### SCENE I. Elsinore.

_Enter KING CLAUDIUS, LORDS, and
Attendants_

**HAMLET**  
_\[Aside]_  
A little more than kin,  
and less than kind.

_Enter GHOST_

Look, my lord, it comes!

**HORATIO:**  
'Ophelia,'\--  
Nor I, &amp; c.
"""


class TestPlays:
    def test_a_speech_is_a_name_a_colon_and_its_lines(self):
        assert cleaning.play("**First Citizen**  \nSpeak,  \nspeak.") == (
            "First Citizen:\nSpeak,\nspeak."
        )

    def test_headings_directions_escapes_and_line_end_spaces_go(self):
        assert cleaning.play(HAMLET) == (
            "HAMLET:\nA little more than kin,\nand less than kind.\nLook, my lord, it comes!\n\n"
            "HORATIO:\n'Ophelia,'--\nNor I, & c."
        )

    @pytest.mark.parametrize(
        "direction",
        [r"_\[Aside]_", r"__\[Awaking]_", "[Within]_", r"_Burthen _\[dispersedly, within_"],
    )
    def test_directions_with_an_end_missing_go_too(self, direction):
        assert cleaning.play(f"**PUCK**  \n{direction}  \nUp and down.") == "PUCK:\nUp and down."

    def test_a_heading_that_runs_over_its_line_leaves_nothing_behind(self):
        text = "### SCENE II. The same.\n\na light burning.\n\n**OTHELLO**  \nIt is the cause."
        assert cleaning.play(text) == "OTHELLO:\nIt is the cause."

    def test_a_nameless_prologue_stands_alone_and_joins_no_speech(self):
        text = "**A**  \nEnd.\n\n## PROLOGUE\n\nI come no more\nto make you laugh.\n\n**B**  \nOn."
        assert cleaning.play(text) == "A:\nEnd.\n\nI come no more\nto make you laugh.\n\nB:\nOn."

    def test_a_procession_written_as_a_list_is_a_direction(self):
        text = "**A**  \nThey come.\n\n1\\. Two Judges.  \n2\\. A choir.\n\n**B**  \nA royal train."
        assert cleaning.play(text) == "A:\nThey come.\n\nB:\nA royal train."

    def test_plays_are_joined_by_a_blank_line_and_end_in_one_newline(self):
        assert cleaning.plays(["**A**  \nOne.", "# T\n\n**B**  \nTwo.\n"]) == (
            "A:\nOne.\n\nB:\nTwo.\n"
        )


def wikipedia(text: str) -> str:
    return cleaning.wikipedia(f'<page><text xml:space="preserve">{text}</text></page>')


class TestWikipedia:
    @pytest.mark.parametrize(
        ("markup", "text"),
        [
            ("Hello, World!", " hello world"),
            ("in 1984", " in one nine eight four"),
            ("déjà vu", " d j vu"),
            ("[[Paris|the city]] and [[London]]", " the city and london"),
            ("[[fr:Anarchisme]]end", " end"),
            ("[[Image:a.jpg|thumb|left|200px|A caption]]", " a caption"),
            ("[[Category:Dutch painters|Gogh]]", " dutch painters"),
            ("[http://example.org the site]", " the site"),
            ("{{infobox|name=x}}a {table} b", " a b"),
            ("fact&lt;ref&gt;a book&lt;/ref&gt; stays", " fact stays"),
            ("&lt;b&gt;bold&lt;/b&gt;", " bold"),
            ("&lt;!-- hidden --&gt;seen", " seen"),
            ("a&amp;nbsp;b", " a b"),
            ("say &quot;yes&quot;", " say yes"),
        ],
    )
    def test_markup_becomes_what_a_reader_sees(self, markup, text):
        assert wikipedia(markup) == text

    def test_redirects_and_all_outside_the_text_are_left_out(self):
        assert wikipedia("#REDIRECT [[Anarchism]]") == ""
        xml = "<title>No</title><text >one</text><sha1>no</sha1><text >two</text>"
        assert cleaning.wikipedia(xml) == " one two"

    @given(st.text(alphabet=st.characters(exclude_characters="<"), max_size=200))
    def test_any_text_comes_out_as_letters_and_single_spaces(self, text):
        cleaned = wikipedia(text)
        assert re.fullmatch("[a-z ]*", cleaned)
        assert "  " not in cleaned
        assert not cleaned.endswith("  ")


class TestTunes:
    def test_files_are_parted_by_one_blank_line_whatever_their_line_ends(self):
        files = ["\nX:1\r\nK:G\r\nGABc|\r\n\r\n", "X:2\rK:D\rd2|", "X:3\nK:A\na|\n"]
        assert cleaning.tunes(files) == "X:1\nK:G\nGABc|\n\nX:2\nK:D\nd2|\n\nX:3\nK:A\na|\n"
