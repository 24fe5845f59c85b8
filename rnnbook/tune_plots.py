"""Figures of tunes."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from rnnbook import abc_reader
from rnnbook.plots import COLOURS

NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "G♯", "A", "B♭", "B")


def piano_roll(tune: str, activity: np.ndarray | None = None, bars: int = 8) -> Figure:
    """Draw the first bars of a tune as they sound: a bar for each note, time to the right.

    Parameters
    ----------
    tune : str
        Fields and music.
    activity : ndarray, shape (characters,), optional
        What a unit did after each character of the tune, from −1 to 1; drawn below the notes,
        at the note that the character belongs to.
    bars : int
        Bars to draw.
    """
    reading = abc_reader.read(tune)
    rows = 1 if activity is None else 2
    figure, panels = plt.subplots(
        rows, 1, sharex=True, squeeze=False, figsize=(7.2, 2.6 * rows), height_ratios=[3, 2][:rows]
    )
    roll, now, places = panels[0, 0], 0.0, []
    for bar in reading.bars[:bars]:
        roll.axvline(now, color=COLOURS["grey"], linewidth=0.8)
        for note in bar:
            length = float(note.length) * 8  # in eighths
            if note.pitch is not None:
                roll.barh(note.pitch, 0.94 * length, 0.8, left=now, color=COLOURS["blue"])
            places.append((now, note.at))
            now += length
    roll.axvline(now, color=COLOURS["grey"], linewidth=0.8)
    heard = [note.pitch for bar in reading.bars[:bars] for note in bar if note.pitch is not None]
    ticks = [pitch for pitch in range(min(heard), max(heard) + 1) if NAMES[pitch % 12] in "CDEFGAB"]
    roll.set(yticks=ticks, yticklabels=[f"{NAMES[p % 12]}{p // 12 - 1}" for p in ticks])
    roll.set_ylabel("pitch")
    if activity is not None:
        below = panels[1, 0]
        times, values = zip(*((start, activity[at]) for start, at in places), strict=True)
        below.step([*times, now], [*values, values[-1]], where="post", color=COLOURS["vermillion"])
        below.axhline(0, color=COLOURS["grey"], linewidth=0.6)
        below.set(ylabel="activity", ylim=(-1.05, 1.05))
    panels[-1, 0].set(xlabel="time (eighth notes)", xlim=(-0.5, now + 0.5))
    return figure
