"""Engrave a tune: its score as a picture that can be enlarged, and read out.

music21 reads the ABC and verovio engraves what it has read. Verovio could read ABC itself, but
loses first and second endings on the way, and most of the repeats written ``::``. Grace notes are
left out, as they are from what sounds.
"""

import html
import re
import zlib

from rnnbook import abc_fields, abc_reader
from rnnbook.parsing import Music21

MODES = {
    "": "major",
    "m": "minor",
    "dor": "Dorian",
    "mix": "Mixolydian",
    "lyd": "Lydian",
    "phr": "Phrygian",
    "loc": "Locrian",
}
SIGNS = {"#": " sharp", "b": " flat", "": ""}
NOTES = ("C", "C sharp", "D", "E flat", "E", "F", "F sharp", "G", "G sharp", "A", "B flat", "B")
WIDTH = 700  # pixels of a page
SCALE = 40  # per cent of verovio's own size
OPTIONS = {
    "inputFrom": "musicxml",
    "pageWidth": WIDTH * 100 / SCALE,
    "pageHeight": 60_000,
    "adjustPageHeight": True,
    "scale": SCALE,
    "header": "none",
    "footer": "none",
    "pageMarginTop": 10,
    "pageMarginBottom": 10,
    "pageMarginLeft": 10,
    "pageMarginRight": 10,
    "svgViewBox": True,
    "svgRemoveXlink": True,
}


class Score:
    """A tune's score; in a notebook it shows itself.

    Parameters
    ----------
    tune : str
        The fields ``M:``, ``L:`` and ``K:``, then the music.
    seconds : float
        How long music21 may take to read it.

    Attributes
    ----------
    svg : str
        The picture, in the colour of the text around it.
    description : str
        What it shows, in words.

    Raises
    ------
    ValueError
        If music21 cannot read the tune; the message says why.
    ModuleNotFoundError
        If music21 or verovio is not installed.
    """

    def __init__(self, tune: str, *, seconds: float = 10.0) -> None:
        with Music21(seconds) as music21:
            # Without grace notes: where one stands in a triplet, music21 adds notes.
            musicxml = music21.musicxml(re.sub(r"\{[^}]*\}", "", tune))
        self.svg = _engrave(musicxml, zlib.crc32(tune.encode()) >> 1)
        self.description = describe(tune)

    def __repr__(self) -> str:
        """Return the description."""
        return self.description

    def _repr_html_(self) -> str:
        words = html.escape(self.description)
        style = f"max-width: {WIDTH}px; color: inherit"
        return (
            f'<div class="score" role="img" aria-label="{words}" style="{style}">{self.svg}</div>'
        )


def _engrave(musicxml: str, seed: int) -> str:
    # Only here, since music is an extra: a reader of the other chapters has no verovio.
    import verovio

    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    # The same score has the same names inside, each time; two scores on a page have different ones.
    toolkit.resetXmlIdSeed(seed)
    toolkit.setOptions(OPTIONS)
    if not toolkit.loadData(musicxml):
        raise ValueError("verovio cannot engrave this tune")
    svg = toolkit.renderToSVG(1)
    # It fills the page's column, whatever its width; what draws it is said in the credits.
    shown = '<svg width="100%" aria-hidden="true" fill="currentColor" '
    svg = svg.replace("<svg ", shown, 1).replace(' color="black"', "")
    return re.sub(r"\s*<desc>[^<]*</desc>", "", svg)


def describe(tune: str) -> str:
    """Say in words what a score shows: metre, key, length and how the tune begins."""
    fields, _ = abc_fields.split(tune)
    reading = abc_reader.read(tune)
    tonic, sign, mode = abc_fields.KEY.fullmatch(reading.key).groups(default="")
    first = [note.pitch for bar in reading.bars for note in bar if note.pitch is not None][:6]
    beginning = ", ".join(NOTES[pitch % 12] for pitch in first)
    bars = f"{len(reading.bars)} bars" if len(reading.bars) != 1 else "1 bar"
    metre = abc_fields.metre(fields.get("M", "")) or "4/4"
    return (
        f"Score of a tune in {metre}, {tonic}{SIGNS[sign]} {MODES[mode]}, {bars}; "
        f"it begins {beginning}."
    )
