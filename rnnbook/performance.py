"""Play a tune on paper: its notes one after another, repeats and endings as they are to be played.

What sounds of a chord is its highest note; grace notes do not sound, and tied notes sound again.
"""

import io
from dataclasses import dataclass
from fractions import Fraction

from rnnbook import abc_fields, abc_reader
from rnnbook.abc_music import Reading

BEATS_PER_MINUTE = 104
FIDDLE, FLUTE, ACCORDION = 40, 73, 21  # General MIDI's numbers, from 0; 40 is a violin
VELOCITY = 80  # how hard a note is struck, from 1 to 127
LONGEST_SECONDS = 600.0


@dataclass(frozen=True)
class PlayedNote:
    """A note as it sounds.

    Attributes
    ----------
    pitch : int
        MIDI number.
    start, length : float
        In seconds.
    """

    pitch: int
    start: float
    length: float


def bars_in_order(reading: Reading) -> list[int]:
    """Return the numbers of the bars, from 0, in the order in which they are played.

    A ``:|`` goes back, once, to the last ``|:``, or to where the part began. The second time
    round, a first ending is left out.
    """
    order: list[int] = []
    start, opened, time = 0, False, 1  # time 3 is a second ending: from it nothing goes back
    at = 0
    while at < len(reading.bars):
        line = reading.lines[at]
        if line.opens and time != 2:
            start, opened, time = at, True, 1
        if time == 2 and line.ending.startswith("1"):
            at, time = _after_first_ending(reading, at), 3
            continue
        order.append(at)
        at += 1
        after = reading.lines[at]
        if after.closes and time == 1:
            at, time = start, 2
        elif after.closes or (after.double and not opened):
            start, opened, time = at, False, 1
    return order


def _after_first_ending(reading: Reading, first: int) -> int:
    """Return the bar that is played instead of a first ending, or the number of all bars."""
    later = range(first + 1, len(reading.bars))
    return next(
        (at for at in later if reading.lines[at].ending or reading.lines[at].closes),
        len(reading.bars),
    )


def perform(tune: str, beats_per_minute: float = BEATS_PER_MINUTE) -> list[PlayedNote]:
    """Return the notes of a tune as they are played.

    Parameters
    ----------
    tune : str
        Fields and music.
    beats_per_minute : float
        A beat is three eighths in 6/8, 9/8 and 12/8, a half in 4/4 and 2/2, else a quarter.

    Raises
    ------
    ValueError
        If there is nothing to play, or more than ten minutes of it.
    """
    reading = abc_reader.read(tune)
    seconds = 60 / beats_per_minute / _beat(tune)  # of a whole note
    played, now = [], 0.0
    for bar in bars_in_order(reading):
        for note in reading.bars[bar]:
            length = float(note.length) * seconds
            if note.pitch is not None and 0 <= note.pitch < 128:
                played.append(PlayedNote(note.pitch, now, length))
            now += length
            if now > LONGEST_SECONDS:
                raise ValueError(f"the tune lasts more than {LONGEST_SECONDS / 60:g} minutes")
    if not played:
        raise ValueError("there is no note in the tune: it needs M:, L: and K:, then music")
    return played


def _beat(tune: str) -> Fraction:
    metre = abc_fields.split(tune)[0].get("M", "")
    if metre in ("6/8", "9/8", "12/8"):
        return Fraction(3, 8)
    return Fraction(1, 2) if metre in ("2/2", "4/4", "C", "C|") else Fraction(1, 4)


def midi(notes: list[PlayedNote], program: int = FIDDLE) -> bytes:
    """Write notes as a MIDI file.

    Parameters
    ----------
    notes : list of PlayedNote
        As `perform` returns them.
    program : int
        The instrument, by its number in General MIDI, from 0.
    """
    # Only here, since music is an extra.
    import pretty_midi

    instrument = pretty_midi.Instrument(program)
    for note in notes:
        # A little shorter than written: two notes of one pitch are heard as two.
        end = note.start + 0.92 * note.length
        instrument.notes.append(pretty_midi.Note(VELOCITY, note.pitch, note.start, end))
    score = pretty_midi.PrettyMIDI(initial_tempo=120)
    score.instruments.append(instrument)
    file = io.BytesIO()
    score.write(file)
    return file.getvalue()
