"""Judge tunes in ABC: whether they parse, add up, repeat, keep to their key and end.

Any text can be judged, whoever or whatever wrote it; none raises or takes for ever.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from rnnbook import abc_fields, abc_reader
from rnnbook.abc_music import Reading
from rnnbook.parsing import Music21

LONGEST = 10_000  # characters; the longest tune of the book has 1,286
IN_KEY = 0.85  # all but 4 in 1,000 tunes of the book have this share of their notes in their key


@dataclass(frozen=True)
class Verdict:
    """What is right and what is wrong with a tune.

    Attributes
    ----------
    parses : bool
        Whether music21 can parse it and finds a note in it.
    bars, bars_right : int
        How many bars it has, and how many of them last as the metre says.
    repeats_pair : bool
        Whether each ``|:`` has its ``:|`` and each first ending its second. A ``:|`` alone goes
        back to where the part began, as is usual.
    in_key : float
        Share of its notes that sound as the key signature says.
    on_tonic : bool
        Whether its last note is the one the key is named after. Not asked of a well-formed tune.
    ends : bool
        Whether its last sign is a repeat, a double or a final bar line.
    reasons : tuple of str
        Why it is not well-formed; empty if it is.
    """

    parses: bool
    bars: int
    bars_right: int
    repeats_pair: bool
    in_key: float
    on_tonic: bool
    ends: bool
    reasons: tuple[str, ...]

    @property
    def well_formed(self) -> bool:
        """Whether there is nothing wrong with it."""
        return not self.reasons


@dataclass(frozen=True)
class Summary:
    """The verdicts on many tunes, as shares from 0 to 1 of the tunes, or of all their bars.

    Attributes
    ----------
    verdicts : tuple of Verdict
        One a tune, in their order.
    parse, repeats_pair, in_key, on_tonic, end, well_formed : float
        Shares of the tunes; `in_key` of those with at least `IN_KEY` of their notes in it.
    bars_right : float
        Share of the bars.
    """

    verdicts: tuple[Verdict, ...]
    parse: float
    bars_right: float
    repeats_pair: float
    in_key: float
    on_tonic: float
    end: float
    well_formed: float


def judge_all(tunes: Iterable[str], *, seconds: float = 10.0) -> Summary:
    """Judge many tunes.

    Parameters
    ----------
    tunes : iterable of str
        Each with its fields and its music.
    seconds : float
        How long music21 may take for one of them.

    Raises
    ------
    ValueError
        If there is no tune.
    """
    with Music21(seconds) as music21:
        verdicts = tuple(judge(tune, music21) for tune in tunes)
    if not verdicts:
        raise ValueError("there is no tune to judge")

    def share(values: Iterable[bool]) -> float:
        return sum(values) / len(verdicts)

    return Summary(
        verdicts=verdicts,
        parse=share(verdict.parses for verdict in verdicts),
        bars_right=sum(verdict.bars_right for verdict in verdicts)
        / max(1, sum(verdict.bars for verdict in verdicts)),
        repeats_pair=share(verdict.repeats_pair for verdict in verdicts),
        in_key=share(verdict.in_key >= IN_KEY for verdict in verdicts),
        on_tonic=share(verdict.on_tonic for verdict in verdicts),
        end=share(verdict.ends for verdict in verdicts),
        well_formed=share(verdict.well_formed for verdict in verdicts),
    )


def judge(tune: str, music21: Music21) -> Verdict:
    """Judge a tune.

    Parameters
    ----------
    tune : str
        The fields ``M:``, ``L:`` and ``K:``, then the music.
    music21 : Music21
        Where to ask whether it parses.
    """
    if len(tune) > LONGEST:
        reason = f"it has {len(tune):,} characters, and no tune has {LONGEST:,}"
        return Verdict(False, 0, 0, False, 0.0, False, False, (reason,))
    objection = music21.objection(tune)
    reading = abc_reader.read(tune)
    right = bars_right(reading)
    notes = [note for bar in reading.bars for note in bar if note.pitch is not None]
    in_key = sum(not note.altered for note in notes) / max(1, len(notes))
    repeats = _repeats(reading)
    last = reading.lines[-1]
    ends = bool(notes) and (last.closes or last.double)
    wrong = [str(bar) for bar, is_right in enumerate(right, 1) if not is_right]
    findings = {
        f"music21 cannot parse it: {objection}": objection is not None,
        **{f"it has {error}": True for error in reading.errors},
        "it has no notes": not notes,
        f"bars that do not last as long as the metre says: {', '.join(wrong)}": bool(wrong),
        f"repeats that do not pair: {', '.join(repeats)}": bool(repeats),
        f"only {in_key:.0%} of its notes are in its key": bool(notes) and in_key < IN_KEY,
        "it does not end in a repeat, a double or a final bar line": not ends,
    }
    return Verdict(
        parses=objection is None,
        bars=len(right),
        bars_right=sum(right),
        repeats_pair=bool(notes) and not repeats,
        in_key=in_key,
        on_tonic=bool(notes) and (notes[-1].pitch - abc_fields.tonic(reading.key)) % 12 == 0,
        ends=ends,
        reasons=tuple(reason for reason, applies in findings.items() if applies),
    )


def bars_right(reading: Reading) -> list[bool]:
    """Say of each bar whether it lasts as the metre says.

    A bar that is too short is right as well where a part of the tune begins and another bar,
    where a part ends, is short by as much as this one lasts; and the other way round. A part
    begins and ends at repeats, endings, and double bar lines. The upbeat of the whole tune may
    stand alone, unless a repeat goes back to it: then each time round must add up.
    """
    lengths = [sum((note.length for note in bar), Fraction()) for bar in reading.bars]
    edges = [True, *(line.divides for line in reading.lines[1:-1]), True]
    opening = [at for at in range(len(lengths)) if edges[at]]
    closing = [at for at in range(len(lengths)) if edges[at + 1]]
    missing_at_end = {reading.metre - lengths[at] for at in closing}
    missing_at_start = {reading.metre - lengths[at] for at in opening}
    right = [length == reading.metre for length in lengths]
    for at in opening:
        right[at] |= lengths[at] in missing_at_end
    for at in closing:
        right[at] |= lengths[at] in missing_at_start
    if lengths and lengths[0] < reading.metre and not _goes_back_to_start(reading):
        right[0] = True
    return right


def _goes_back_to_start(reading: Reading) -> bool:
    for line in reading.lines[1:]:
        if line.closes or line.opens or line.double:
            return line.closes
    return False


def _repeats(reading: Reading) -> list[str]:
    """Describe each repeat or ending that lacks its other half."""
    faults: list[str] = []
    opened = first = False
    for line in reading.lines:
        opened &= not line.closes
        faults += ["|: within |:"] * (line.opens and opened)
        opened |= line.opens
        if line.ending.startswith("1"):
            faults += ["a first ending within a first ending"] * first
            first = True
        elif line.ending:
            faults += ["a second ending without a first"] * (not first)
            faults += ["a first ending without :|"] * (first and not line.closes)
            first = False
    faults += ["|: without :|"] * opened + ["a first ending without a second"] * first
    return faults
