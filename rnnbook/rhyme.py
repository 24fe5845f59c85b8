"""Rhyme in Spanish verse: what two lines share from their last stressed vowel on.

Consonant rhyme shares every sound, assonant rhyme the vowels alone; the definitions are Navarro
Tomás's (*Métrica española*, 1956). Sounds are those of the River Plate: *ll* as *y*; *s*, *c* and
*z* alike.
"""

import re
from collections.abc import Callable, Sequence

from rnnbook.syllables import heard, sounding, stressed, syllables

BARE = str.maketrans("áéíóúü", "aeiouu")
MAIN_VOWEL = re.compile(r"^.*?([áéíóú])|^.*?([aeo])|^.*([iuü])")
# Letters to sounds, in this order. C is the sound of ch, G that of the g in gato and guerra.
SOUNDS = (
    ("ch", "C"),
    ("gg|g(?![ei])", "G"),
    ("g", "j"),
    ("c(?=[ei])|z", "s"),
    ("qq|[cq]", "k"),
    ("v", "b"),
    ("ll", "y"),
    ("h", ""),
)


def consonance(verse: str) -> str:
    """Return the sounds that another verse must share for consonant rhyme.

    Parameters
    ----------
    verse : str
        A line.

    Returns
    -------
    str
        Everything from the last stressed vowel on, a letter a sound; empty for a line without a
        vowel, which rhymes with nothing.
    """
    parts = _from_stress(verse)
    if not parts:
        return ""
    tail = "".join(parts)[_main_vowel(parts[0]) :].translate(BARE)
    for letters, sound in SOUNDS:
        tail = re.sub(letters, sound, tail)
    return tail


def assonance(verse: str) -> str:
    """Return the vowels that another verse must share for assonant rhyme.

    Parameters
    ----------
    verse : str
        A line.

    Returns
    -------
    str
        The last stressed vowel and, if it is not the last syllable's, that of the last syllable,
        where *i* counts as *e* and *u* as *o*; empty for a line without a vowel.
    """
    parts = _from_stress(verse)
    vowels = "".join(part[_main_vowel(part)] for part in parts).translate(BARE)
    return vowels[:1] + vowels[1:][-1:].replace("i", "e").replace("u", "o")


def scheme(stanza: Sequence[str], sound: Callable[[str], str] = consonance) -> str:
    """Name the lines of a stanza by letters, the same letter for lines that rhyme.

    Parameters
    ----------
    stanza : sequence of str
        Lines.
    sound : callable
        `consonance` or `assonance`.

    Returns
    -------
    str
        A letter a line in the order of the alphabet, and then of Unicode: *abbccb* is the sextet
        of *Martín Fierro*, its first line free.
    """
    letters: dict[str, str] = {}
    tails = [sound(line) or f"silent {number}" for number, line in enumerate(stanza)]
    return "".join(letters.setdefault(tail, chr(ord("a") + len(letters))) for tail in tails)


def _from_stress(verse: str) -> list[str]:
    """Return the syllables of the last word from its stress on, as heard."""
    last = sounding(verse)[-1:]
    return [heard(part) for word in last for part in syllables(word)[stressed(word) :]]


def _main_vowel(syllable: str) -> int:
    """Find the vowel that carries a syllable: the accented, or the open, or the last."""
    match = MAIN_VOWEL.match(syllable)
    return match.end() - 1 if match else 0
