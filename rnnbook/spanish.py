"""Accents put back into Spanish words, where a text has lost them."""

import re
import unicodedata
from collections import Counter

from rnnbook.syllables import words

LETTERS = re.compile(r"[^\W\d_]+")


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
