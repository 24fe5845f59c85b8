"""Measures of verse in the manner of *Martín Fierro*: metre, stanza, rhyme, words, and copying.

They judge what a model wrote, not how it wrote it, and know nothing of models.
"""

import re
import unicodedata
from collections.abc import Container, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from rnnbook.copying import copied_share, longest_copied_run
from rnnbook.rhyme import assonance, consonance, scheme
from rnnbook.syllables import count, words

NUMERAL = re.compile("[IVXLC]+")
VERSE_NUMBER = re.compile(r"^[ \t]*[0-9]+: ?", re.MULTILINE)
FIRST_VERSE = re.compile(r"\n+(?=[ \t]*1: )")


@dataclass(frozen=True)
class Measures:
    """What `measure` finds; the share of nothing is 0.

    Attributes
    ----------
    verses, stanzas : int
        How many there are, headings left out.
    octosyllables, near_octosyllables : float
        Share of the verses that count 8 syllables, and 7 to 9.
    sextets : float
        Share of the stanzas that have six verses.
    consonant, assonant : float
        Share of the sextets whose last five verses rhyme *bbccb*, by either kind of rhyme.
    known_words : float
        Share of the words that the training text or the word list holds.
    copied : float
        Share of the 20-grams of characters that stand in the training text.
    longest_copy : int
        Characters of the longest run copied from it.
    """

    verses: int
    stanzas: int
    octosyllables: float
    near_octosyllables: float
    sextets: float
    consonant: float
    assonant: float
    known_words: float
    copied: float
    longest_copy: int


def measure(sample: str, training: str, spanish: Container[str]) -> Measures:
    """Measure a sample: a row of the chapter's table.

    Parameters
    ----------
    sample : str
        Verses, stanzas parted by blank lines. Cut it at a blank line: half a stanza counts as
        one that is no sextet.
    training : str
        The text that the model has seen.
    spanish : container of str
        Words known besides those of the training text, such as the corpus `spanish_words`.

    Returns
    -------
    Measures
    """
    sample, training = (unicodedata.normalize("NFC", text) for text in (sample, training))
    found = stanzas(sample)
    lines = [line for stanza in found for line in stanza]
    lengths = [count(line) for line in lines]
    six = [stanza for stanza in found if len(stanza) == 6]
    seen = set(words(training))
    return Measures(
        verses=len(lines),
        stanzas=len(found),
        octosyllables=_share([length == 8 for length in lengths]),
        near_octosyllables=_share([7 <= length <= 9 for length in lengths]),
        sextets=_share([len(stanza) == 6 for stanza in found]),
        consonant=_share([scheme(stanza[1:], consonance) == "aabba" for stanza in six]),
        assonant=_share([scheme(stanza[1:], assonance) == "aabba" for stanza in six]),
        known_words=_share([w in seen or w in spanish for line in lines for w in words(line)]),
        copied=copied_share(sample, training),
        longest_copy=len(longest_copied_run(sample, training)),
    )


def _share(judgements: Sequence[bool]) -> float:
    return sum(judgements) / len(judgements) if judgements else 0.0


def stanzas(text: str) -> list[list[str]]:
    """Split a text into its stanzas: lines between blank lines, headings left out.

    Parameters
    ----------
    text : str
        Verses, with headings in capitals that stand alone (``XII``, ``MARTIN FIERRO``) or none.

    Returns
    -------
    list of list of str
        The verses of each stanza, without the spaces around them.
    """
    lines = [line.strip() for line in text.splitlines()]
    blocks = [list(block) for full, block in groupby(lines, bool) if full]
    return [block for block in blocks if not _is_heading(block)]


def cantos(text: str) -> list[str]:
    """Split a text before the headings with a Roman numeral, to hold out whole cantos.

    Parameters
    ----------
    text : str
        A poem; *Martín Fierro* has 13 cantos in its first part and 33 in its second.

    Returns
    -------
    list of str
        The cantos with their headings, which joined are the text. What stands before the first
        numeral, if it is more than headings, is a piece of its own.
    """
    starts: list[int] = []
    place = 0
    first_heading: int | None = None  # of those that follow each other
    for full, lines in groupby(text.splitlines(keepends=True), lambda line: bool(line.strip())):
        block = list(lines)
        if full and not _is_heading(block):
            first_heading = None
        elif full:
            first_heading = place if first_heading is None else first_heading
            if any(NUMERAL.fullmatch(line.strip()) for line in block):
                starts.append(first_heading)
        place += sum(map(len, block))
    edges = sorted({0, *starts, place})
    return [text[start:end] for start, end in pairwise(edges)]


def _is_heading(block: Sequence[str]) -> bool:
    # A numeral and a title may share a block; the poem's last two verses are in capitals too.
    return len(block) <= 2 and "".join(block).isupper()


def unnumbered(text: str) -> str:
    """Take away the verse numbers (``1: ``) that `poesia_gauchesca` has before each line.

    Some of its stanzas follow each other without an empty line: each verse 1 gets one before it.
    """
    return VERSE_NUMBER.sub("", FIRST_VERSE.sub("\n\n", text))
