"""The fields of a tune in ABC notation that its music cannot be read without: M:, L: and K:."""

import re
from fractions import Fraction

SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
FIELD = re.compile(r"([A-Za-z]):(?![|:])(.*)")  # a line that begins with A:| is music
COMMON = {"C": "4/4", "C|": "2/2"}
FIFTHS = {letter: fifths for fifths, letter in enumerate("FCGDAEB", -1)}
MODES = {"": 0, "m": -3, "lyd": 1, "mix": -1, "dor": -2, "phr": -4, "loc": -5}
SHORT = {mode: mode for mode in MODES} | {"maj": "", "ion": "", "min": "m", "aeo": "m"}
KEY = re.compile(r"([A-G])([#b]?)\s*(m|[A-Za-z]{3,10})?")


def split(tune: str) -> tuple[dict[str, str], int]:
    """Return the fields before the music, by their letters, and the index of the music."""
    fields: dict[str, str] = {}
    start = 0
    while "K" not in fields and (line := FIELD.match(tune, start)):
        fields.setdefault(line[1], line[2].split("%")[0].strip())
        start = min(line.end() + 1, len(tune))
    return fields, start


def metre(value: str) -> str | None:
    """Write a metre as a fraction, ``C|`` as ``2/2``; None if no tune can have it."""
    name = COMMON.get(value, value)
    return name if re.fullmatch(r"(?:[1-9]|1\d)/(?:1|2|4|8|16)", name) else None


def unit(value: str | None, metre: str) -> Fraction | None:
    """Return the unit of note lengths; without a field it follows from the metre."""
    if value is None:
        return Fraction(1, 16 if Fraction(metre) < Fraction(3, 4) else 8)
    return Fraction(value) if re.fullmatch(r"1/(?:1|2|4|8|16|32)", value) else None


def key(value: str) -> str | None:
    """Write a key in its shortest form, ``E Minor`` as ``Em``; None if it is not understood."""
    found = KEY.fullmatch(value)
    mode = SHORT.get((found[3] or "")[:3].lower()) if found else None
    return None if found is None or mode is None else found[1] + found[2] + mode


def signature(name: str) -> dict[str, int]:
    """Return by how many semitones a key, in its shortest form, moves each of the letters A–G."""
    letter, sign, mode = KEY.fullmatch(name).groups(default="")
    fifths = FIFTHS[letter] + 7 * _sharps(sign) + MODES[mode]
    return {letter: (fifths - place + 5) // 7 for letter, place in FIFTHS.items()}


def tonic(name: str) -> int:
    """Return the pitch a key is named after, in semitones above C, from 0 to 11."""
    letter, sign, _ = KEY.fullmatch(name).groups(default="")
    return (SEMITONES[letter] + _sharps(sign)) % 12


def _sharps(sign: str) -> int:
    return {"#": 1, "b": -1}.get(sign, 0)
