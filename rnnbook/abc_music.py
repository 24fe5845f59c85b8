"""What a tune in ABC notation says: its notes, and the lines between its bars."""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Note:
    """A note, a chord (its highest note) or a rest.

    Attributes
    ----------
    pitch : int or None
        MIDI number, 60 for middle C; None for a rest.
    length : Fraction
        In whole notes.
    altered : bool
        Whether it sounds other than the key signature says.
    at : int
        Index in the tune where it is written.
    """

    pitch: int | None
    length: Fraction
    altered: bool
    at: int


@dataclass(frozen=True)
class Line:
    """What stands between two bars: a bar line, or several with no note between them.

    Attributes
    ----------
    closes, opens : bool
        Whether a repeat ends here, and whether one begins.
    double : bool
        Whether it is a double or a final line.
    ending : str
        Number of the ending that begins here, such as ``"1"``; empty if there is none.
    """

    closes: bool = False
    opens: bool = False
    double: bool = False
    ending: str = ""

    @property
    def divides(self) -> bool:
        """Whether it is the edge of a part of the tune, not merely of a bar."""
        return self.closes or self.opens or self.double or bool(self.ending)

    def followed_by(self, signs: str) -> "Line":
        """Return the line that this one and the signs of another make together."""
        bar, ending = signs.rstrip("123456789,-"), signs.lstrip(" |:[]")
        bar = bar.rstrip(" [")
        return Line(
            closes=self.closes or bar.startswith(":"),
            opens=self.opens or bar.endswith(":"),
            double=self.double or "||" in bar or "]" in bar or "[|" in bar,
            ending=ending or self.ending,
        )


@dataclass(frozen=True)
class Reading:
    """What a tune says.

    Attributes
    ----------
    metre : Fraction
        Length of a bar in whole notes.
    key : str
        The key in its shortest form, such as ``"Em"``.
    bars : tuple of tuple of Note
        Stretches between bar lines; those that hold nothing are left out.
    lines : tuple of Line
        One more than bars: ``lines[i]`` stands before ``bars[i]``.
    errors : tuple of str
        What could not be read.
    """

    metre: Fraction
    key: str
    bars: tuple[tuple[Note, ...], ...]
    lines: tuple[Line, ...]
    errors: tuple[str, ...]
