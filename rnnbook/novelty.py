"""How much of a tune is in other tunes: runs of bars they share, in whatever key."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain

from rnnbook.abc_music import Note, Reading

# Of each note in a bar, how far it is above the first one, and which share of a whole bar it lasts.
Shape = tuple[tuple[int | None, Fraction], ...]


@dataclass(frozen=True)
class Likeness:
    """What a tune shares with the tunes it was compared to.

    Attributes
    ----------
    bars : int
        How many bars the tune has.
    run : int
        How many bars in a row, at most, one of the others has as well, transposed or not.
    nearest : int or None
        Index of the first tune that has this run; None if not a bar is shared.
    semitones : int
        How much higher the run is here than there.
    """

    bars: int
    run: int
    nearest: int | None
    semitones: int

    @property
    def copied(self) -> float:
        """The run's share of the tune, from 0 to 1."""
        return self.run / self.bars if self.bars else 0.0


def outline(reading: Reading) -> list[tuple[Shape, int]]:
    """Return each bar's shape, which no transposition changes, and the pitch it starts from.

    A bar of rests starts from where the bar before it did, or the tune begins.
    """
    bars: list[tuple[Shape, int]] = []
    start = _first_pitch(chain.from_iterable(reading.bars), 0)
    for notes in reading.bars:
        start = _first_pitch(notes, start)
        shape = tuple(
            (None if note.pitch is None else note.pitch - start, note.length / reading.metre)
            for note in notes
        )
        bars.append((shape, start))
    return bars


def _first_pitch(notes: Iterable[Note], otherwise: int) -> int:
    return next((note.pitch for note in notes if note.pitch is not None), otherwise)


class Known:
    """Tunes to compare with, their bars looked up by shape.

    Lengths are compared as shares of a bar: a tune in 2/4 and sixteenths is the same as one in
    2/2 and eighths. Grace notes, slurs and all that is not a note or a rest do not count.

    Parameters
    ----------
    readings : iterable of Reading
        The tunes to begin with, as `abc_reader.read` gives them.
    """

    def __init__(self, readings: Iterable[Reading] = ()) -> None:
        self._places: dict[Shape, list[int]] = {}
        self._tunes: list[int] = []
        self._pitches: list[int] = []
        self._size = 0
        for reading in readings:
            self.add(reading)

    def add(self, reading: Reading) -> None:
        """Add one tune more; its index is the number of tunes before it."""
        for shape, pitch in outline(reading):
            self._places.setdefault(shape, []).append(len(self._pitches))
            self._tunes.append(self._size)
            self._pitches.append(pitch)
        # A place without a bar, lest a run goes on from one tune to the next.
        self._tunes.append(self._size)
        self._pitches.append(0)
        self._size += 1

    def compare(self, reading: Reading) -> Likeness:
        """Find the longest run of bars that the tune shares with any of these."""
        bars = outline(reading)
        best, where, semitones = 0, None, 0
        runs: dict[tuple[int, int], int] = {}  # by the place of the last bar and the transposition
        for shape, pitch in bars:
            here: dict[tuple[int, int], int] = {}
            for place in self._places.get(shape, ()):
                shift = pitch - self._pitches[place]
                run = here[place, shift] = runs.get((place - 1, shift), 0) + 1
                if run > best:
                    best, where, semitones = run, place, shift
            runs = here
        nearest = None if where is None else self._tunes[where]
        return Likeness(len(bars), best, nearest, semitones)
