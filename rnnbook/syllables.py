"""Syllables of Spanish words, and the metre of a Spanish verse.

A word is divided as the academies' spelling divides it [1]_. A verse is measured as Navarro Tomás
describes [2]_: vowels that meet at the edge of two words are one syllable (synaloepha), and the
count runs to the last stress, plus one. So a verse that ends on a stressed syllable gains one, and
one that ends in a word like *música* loses one.

Written for popular verse: inside a line, vowels that meet within a word are one syllable too
(synaeresis). *Martín Fierro* says *tenía* in two syllables and *quedao* in two.

.. [1] Real Academia Española and ASALE, *Ortografía de la lengua española*, 2010.
.. [2] T. Navarro Tomás, *Métrica española*, 1956; on vowels that meet, his *Manual de
   pronunciación española*, 1918.
"""

import re
import unicodedata
from itertools import pairwise

WORD = re.compile(r"[^\W\d_]+")
APOSTROPHES = str.maketrans("", "", "'’ʼ")
MARKED = frozenset("áéíóúüñ")
TIE = "‿"

# A vowel, or several that make one syllable: an open one with closed ones beside it, or two
# different closed ones. An accent on a closed vowel parts it from an open one. H is not heard.
# A closed vowel between two others goes with the second.
NUCLEUS = re.compile(
    r"(?:[iuü]h?)?[aeoáéó](?:h?[iu](?!h?[aeiouáéíóú]))?|[ií]h?[uú]|[uúü]h?[ií]|[iuíúü]"
)
# Of the consonants between two vowels, those that begin the second syllable.
ONSET = re.compile(r"(?:[bcfgkpt][lr]|dr|ch|ll|rr|gg|qq|.)?$")

ENDS_OPEN = re.compile(r"[aeiouyáéíóúü]h?$")
STARTS_OPEN = re.compile(r"h?[aeiouáéíóúü]|y$")
# Heard as a consonant: nothing runs into the beginning of hueso and hierba, or on from hoy and muy.
GLIDE = re.compile(r"h?[iu][aeoáéó]|hu[ií]")
FALLING = re.compile(r"(?:[aeoáéó]h?[iuíúy]|uy)$")


def words(text: str) -> list[str]:
    """Split a text into words, in small letters, with no other marks than Spanish has.

    Parameters
    ----------
    text : str
        Any text, its accents composed (NFC) or not (NFD).

    Returns
    -------
    list of str
        Runs of letters. An apostrophe joins what it parts: *m'hijo* is one word.
    """
    composed = unicodedata.normalize("NFC", text.lower().translate(APOSTROPHES))
    letters = (
        letter if letter in MARKED else unicodedata.normalize("NFD", letter)[0]
        for letter in composed
        if not unicodedata.combining(letter)
    )
    return WORD.findall("".join(letters))


def heard(word: str) -> str:
    """Mark, letter for letter, what is no vowel: the *u* of *que* and *guitarra*, or is one: *y*.

    Parameters
    ----------
    word : str
        A word, or a part of one, as `words` writes it.

    Returns
    -------
    str
        As many letters: a silent *u* becomes another *q* or *g*, a *y* before no vowel an *i*.
    """
    word = re.sub("qu|gu(?=[eiéí])", lambda silent: silent[0][0] * 2, word)
    return re.sub("y(?![aeiouáéíóúü])", "i", word)


def syllables(word: str) -> list[str]:
    """Divide a word into syllables.

    Parameters
    ----------
    word : str
        A word as `words` writes it.

    Returns
    -------
    list of str
        The syllables, which joined are the word; none for a word without a vowel.
    """
    sound = heard(word)
    nuclei = list(NUCLEUS.finditer(sound))
    cuts = [0] if nuclei else []
    for left, right in pairwise(nuclei):
        between = sound[left.end() : right.start()]
        onset = ONSET.search(between)
        cuts.append(left.end() + (onset.start() if onset else 0))
    return [word[cut:end] for cut, end in pairwise([*cuts, len(word)])]


def sounding(verse: str) -> list[str]:
    """Return the words of a verse that are heard: those with a syllable."""
    return [word for word in words(verse) if syllables(word)]


def stressed(word: str) -> int:
    """Find the stressed syllable of a word.

    Parameters
    ----------
    word : str
        A word with a vowel, as `words` writes it.

    Returns
    -------
    int
        The syllable's place, from 0: the one with the accent (the last of several, since the poem
        says *créanmenló*), or else by the ending, as in adverbs in *-mente*.
    """
    parts = syllables(word)
    accented = [place for place, part in enumerate(parts) if re.search("[áéíóú]", part)]
    if accented and not (word.endswith("mente") and len(parts) > 2):
        return accented[-1]
    return max(0, len(parts) - 2) if word[-1] in "aeiouns" else len(parts) - 1


def scan(verse: str) -> list[str]:
    """Divide a verse into the syllables that are counted.

    Parameters
    ----------
    verse : str
        A line.

    Returns
    -------
    list of str
        Syllables in small letters, those of two words tied by ``‿``. The last word keeps apart
        the vowels that its spelling parts: what comes after its stress is not counted anyway.
    """
    return _scan(verse)[0]


def count(verse: str) -> int:
    """Count the syllables of a verse: to its last stress, and one more.

    Parameters
    ----------
    verse : str
        A line.

    Returns
    -------
    int
        Syllables; 0 for a line without a vowel.
    """
    found, stress = _scan(verse)
    return stress + 2 if found else 0


def _scan(verse: str) -> tuple[list[str], int]:
    """Return the syllables of a verse and the place of its last stress."""
    found: list[str] = []
    stress = 0
    heard_words = sounding(verse)
    for number, word in enumerate(heard_words, start=1):
        stress_within = stressed(word)
        for place, part in enumerate(syllables(word)):
            keeps_hiatus = number == len(heard_words) and place > 0
            if found and not keeps_hiatus and _run_together(found[-1].replace(TIE, ""), part):
                found[-1] += part if place else TIE + part
            else:
                found.append(part)
            if place == stress_within:
                stress = len(found) - 1
    return found, stress


def _run_together(left: str, right: str) -> bool:
    if FALLING.search(left) or GLIDE.match(right):
        return False
    return bool(ENDS_OPEN.search(left) and STARTS_OPEN.match(right))
