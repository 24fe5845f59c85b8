"""Read a tune in ABC notation into bars and notes. Whatever the text holds, nothing is raised.

It knows what the book's tunes use: one voice, in one metre and one key. What it cannot read is
listed, and the rest is read on as far as it goes.
"""

import re
from dataclasses import replace
from fractions import Fraction

from rnnbook import abc_fields
from rnnbook.abc_music import Line, Note, Reading

ACCIDENTALS = {"^^": 2, "^": 1, "=": 0, "_": -1, "__": -2}
LENGTH = r"\d{0,3}(?:/{1,4}\d{0,3})?"
ENDING = r"[1-9](?:[,-][1-9])*"
TOKEN = re.compile(
    rf"""
    (?P<line>(?:\[\|[\]|]*|:+\|[|\]]*:*|::+|\|[|\]:]*)(?:\ *\[(?={ENDING}))?(?:{ENDING})?)
  | (?P<ending>\[{ENDING})
  | (?P<field>\[[A-Za-z]:[^\]\n]*\])
  | (?P<note>(?P<accidental>\^\^?|__?|=)?(?P<letter>[A-Ga-gzx])(?P<octave>[,']{{0,4}})
      (?P<length>{LENGTH}))
  | (?P<tuplet>\((?P<p>[2-9])(?::(?P<q>[1-9]?)(?::(?P<r>[1-9]?))?)?)
  | (?P<chord>\[)
  | (?P<chord_end>\](?P<times>{LENGTH}))
  | (?P<broken>>{{1,3}}|<{{1,3}})
  | (?P<passed>[\s()`\\~.HTuvy-]|"[^"\n]*"|![^!\n]{{1,20}}!|\{{[\^_=A-Ga-g,'/\d\s~.()]*\}})
    """,
    re.VERBOSE,
)


def read(tune: str) -> Reading:
    """Read a tune.

    An accidental holds until the end of the bar for its letter in every octave, as the ABC
    standard 2.1 has it where a tune does not say otherwise.

    Parameters
    ----------
    tune : str
        The fields ``M:``, ``L:`` (which may be missing) and ``K:``, then the music.

    Returns
    -------
    Reading
        A field that cannot be read is replaced by ``M:4/4``, ``L:1/8`` or ``K:C`` and listed.
    """
    fields, start = abc_fields.split(tune)
    metre = abc_fields.metre(fields.get("M", ""))
    unit = abc_fields.unit(fields.get("L"), metre or "4/4")
    key = abc_fields.key(fields.get("K", ""))
    found = {"metre": metre, "unit of length": unit, "key": key}
    errors = [f"no {name} that can be read" for name, value in found.items() if value is None]
    compound = (metre or "").startswith(("6/", "9/", "12/"))
    music = _Music(unit or Fraction(1, 8), key or "C", compound)
    music.read(tune, start)
    return Reading(
        metre=Fraction(metre or "4/4"),
        key=key or "C",
        bars=tuple(music.bars),
        lines=tuple(music.lines),
        errors=(*errors, *dict.fromkeys(music.errors)),
    )


class _Music:
    """What has been read so far, and what the next sign needs to know of it."""

    def __init__(self, unit: Fraction, key: str, compound: bool) -> None:
        self.unit, self.compound = unit, compound
        self.signature = abc_fields.signature(key)
        self.bars: list[tuple[Note, ...]] = []
        self.lines = [Line()]
        self.errors: list[str] = []
        self.bar: list[Note] = []
        self.accidentals: dict[str, int] = {}
        self.chord: list[Note] | None = None
        self.tuplet, self.tuplet_left = Fraction(1), 0
        self.broken = Fraction(1)  # what a > or < before the next note does to its length

    def read(self, tune: str, start: int) -> None:
        at = start
        while at < len(tune):
            if tune[at - 1 : at] in ("", "\n") and abc_fields.FIELD.match(tune, at):
                self.errors.append("a field within the music")
            token = TOKEN.match(tune, at)
            if token is None:
                self.errors.append(f"{tune[at]!r} where it means nothing")
            else:
                self.take(token)
            at = token.end() if token else at + 1
        self.end_bar()
        if self.chord is not None:
            self.errors.append("a chord without its end")
        if self.tuplet_left or self.broken != 1:
            self.errors.append("a tuplet, a > or a < with too few notes after it")

    def take(self, token: re.Match[str]) -> None:
        if self.chord is not None and token.lastgroup not in ("note", "chord_end", "passed"):
            self.errors.append("a chord without its end")
        match token.lastgroup:
            case "line" | "ending":
                self.end_bar()
                self.lines[-1] = self.lines[-1].followed_by(token[0])
            case "note":
                note = self.note(token)
                if self.chord is None:
                    self.add(note)
                else:
                    self.chord.append(note)
            case "chord":
                self.chord = []
            case "chord_end":
                self.end_chord(token["times"])
            case "tuplet":
                self.errors += ["a tuplet within a tuplet"] * bool(self.tuplet_left)
                self.begin_tuplet(int(token["p"]), int(token["q"] or 0), int(token["r"] or 0))
            case "broken":
                self.break_rhythm(token["broken"])
            case "field":
                self.errors.append("a field within the music")

    def note(self, token: re.Match[str]) -> Note:
        letter = token["letter"]
        length = self.unit * self.length(token["length"])
        if letter in "zx":
            return Note(None, length, False, token.start())
        name = letter.upper()
        if token["accidental"]:
            self.accidentals[name] = ACCIDENTALS[token["accidental"]]
        change = self.accidentals.get(name, self.signature[name])
        octave = letter.islower() + token["octave"].count("'") - token["octave"].count(",")
        pitch = 60 + abc_fields.SEMITONES[name] + 12 * octave + change
        return Note(pitch, length, change != self.signature[name], token.start())

    def length(self, written: str) -> Fraction:
        over, _, under = written.partition("/")
        slashes = written.count("/")
        below = int(under.strip("/") or 2**slashes)
        if below == 0 or over.strip("0") == "" != over:
            self.errors.append("a note without length")
            return Fraction(1)
        return Fraction(int(over or 1), below if slashes else 1)

    def add(self, note: Note) -> None:
        times, self.broken = self.broken, Fraction(1)
        if self.tuplet_left:
            self.tuplet_left -= 1
            times *= self.tuplet
        self.bar.append(replace(note, length=note.length * times))

    def end_chord(self, times: str) -> None:
        notes, self.chord = self.chord, None
        if not notes:
            self.errors.append("the end of a chord without notes")
            return
        highest = max(notes, key=lambda note: note.pitch or 0)
        length = notes[0].length * self.length(times)
        altered = any(note.altered for note in notes)
        self.add(Note(highest.pitch, length, altered, notes[0].at))

    def begin_tuplet(self, p: int, q: int, r: int) -> None:
        time = q or {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}.get(p, 3 if self.compound else 2)
        self.tuplet, self.tuplet_left = Fraction(time, p), r or p

    def break_rhythm(self, sign: str) -> None:
        if not self.bar or self.broken != 1:
            self.errors.append("a > or < without a note before it")
            return
        short = Fraction(1, 2 ** len(sign))
        before, self.broken = (2 - short, short) if sign[0] == ">" else (short, 2 - short)
        self.bar[-1] = replace(self.bar[-1], length=self.bar[-1].length * before)

    def end_bar(self) -> None:
        if self.bar:
            self.bars.append(tuple(self.bar))
            self.lines.append(Line())
        self.bar, self.accidentals = [], {}
