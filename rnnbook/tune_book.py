r"""Make one plain text of books of tunes in ABC: what a model reads, and what is held out of it.

In that text a tune is its metre, its unit of length, its key and its music, each tune ended by an
empty line:

    M:6/8
    L:1/8
    K:G
    d | BGG AGG | BGG D2 d | …

Left out are titles and all other fields, comments, words, fingerings, and the marks that stand
above or below notes: bowing, staccato, trills, rolls and pauses. Some of them make music21 lose or
misread the note they belong to. Notes, rests, ties, slurs, grace notes and bar lines stay.
"""

import hashlib
import re
from collections import Counter
from dataclasses import dataclass

from rnnbook import abc_fields, abc_reader
from rnnbook.novelty import Known

END = "\n\n"  # of a tune, in the text and in what a model writes
HELD_OUT = 200

WORDS = re.compile(r'"[^"]*"|![^!]*!|%.*')
INLINE = re.compile(r"\[([A-Za-z]):[^\]]*\]")
MARKS = re.compile(r"[`*!.~H-Yh-wy]")
JOINED = re.compile(r" ?\\\n?")


class Dropped(ValueError):
    """A tune does not go into the text; the message says why."""


@dataclass(frozen=True)
class Tune:
    """A tune as the text has it, and what was left out of it.

    Attributes
    ----------
    text : str
        Fields and music, without the empty line at the end.
    title, rhythm : str
        The fields ``T:`` and ``R:`` as they were; empty where there was none.
    """

    text: str
    title: str
    rhythm: str


@dataclass(frozen=True)
class TuneBook:
    """Tunes to train on, tunes held out, and how many others were dropped, by reason."""

    train: tuple[Tune, ...]
    held_out: tuple[Tune, ...]
    dropped: dict[str, int]

    @property
    def text(self) -> str:
        """All tunes in one text, those held out at its end."""
        return "".join(tune.text + END for tune in self.train + self.held_out)


def read(books: str) -> TuneBook:
    """Clean tunes, drop what is no use or there already, and hold some out.

    A tune is there already if an earlier one has more than half of its bars in one run, in
    whatever key: such settings of one tune must not stand on both sides of the split.

    Parameters
    ----------
    books : str
        Tunes in ABC, each from its ``X:`` on.

    Returns
    -------
    TuneBook
        In the order of the hashes of their texts, which mixes the books and never changes; the
        last `HELD_OUT` tunes are held out.
    """
    known = Known()
    tunes: list[Tune] = []
    dropped: Counter[str] = Counter()
    for block in re.split(r"^(?=X:)", books, flags=re.MULTILINE)[1:]:
        try:
            tunes.append(_new(clean(block), known))
        except Dropped as reason:
            dropped[str(reason)] += 1
    tunes.sort(key=lambda tune: hashlib.sha256(tune.text.encode()).digest())
    return TuneBook(tuple(tunes[:-HELD_OUT]), tuple(tunes[-HELD_OUT:]), dict(dropped))


def split(text: str) -> list[str]:
    """Separate a text into its tunes, or what a model has written into what it means as tunes."""
    return [tune for tune in re.split(r"\n{2,}", text.strip("\n")) if tune]


def clean(block: str) -> Tune:
    """Reduce a tune to what the text holds of it.

    Parameters
    ----------
    block : str
        The tune in ABC, as someone has written it down, up to the first empty line after ``K:``.

    Raises
    ------
    Dropped
        If it cannot be reduced.
    """
    fields: dict[str, str] = {}
    music: list[str] = []
    for line in block.split("\n"):
        if found := abc_fields.FIELD.match(line):
            _check(found[1], inside="K" in fields)
            fields.setdefault(found[1], found[2].split("%")[0].strip())
        elif "K" in fields:
            if not line.strip():
                break
            line = WORDS.sub("", line)
            for inline in INLINE.findall(line):
                _check(inline, inside=True)
            line = MARKS.sub("", INLINE.sub("", line)).replace("x", "z")
            music += [" ".join(line.split())] if line.strip() else []
    metre, key = abc_fields.metre(fields.get("M", "")), abc_fields.key(fields.get("K", ""))
    if metre is None or key is None:
        raise Dropped("no metre or no key that can be read")
    unit = abc_fields.unit(fields.get("L"), metre)
    body = JOINED.sub(" ", "\n".join(music)).strip()
    text = f"M:{metre}\nL:{unit}\nK:{key}\n{body}"
    return Tune(text, fields.get("T", ""), fields.get("R", ""))


def _check(letter: str, *, inside: bool) -> None:
    if inside and letter in "MLK":
        raise Dropped("metre, unit of length or key change within the tune")
    if letter == "V":
        raise Dropped("several voices")


def _new(tune: Tune, known: Known) -> Tune:
    reading = abc_reader.read(tune.text)
    if reading.errors or not reading.bars:
        raise Dropped("signs that cannot be read")
    if known.compare(reading).copied > 0.5:
        raise Dropped("more than half of it in a tune before it")
    known.add(reading)
    return tune
