"""Where in a tune its bars and beats are, letter by letter: what a network of tunes must know."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

import torch
from torch import Tensor

from rnnbook import abc_reader
from rnnbook.text import Alphabet

BAR_LINES = "|:"  # what can stand first in one


def elapsed(tune: str) -> Tensor:
    """Return for each character how much of its bar is over, as a share.

    Parameters
    ----------
    tune : str
        Fields and music.

    Returns
    -------
    Tensor of float32, shape (characters,)
        From 0 at the bar's first note to below 1 in its last; NaN in the fields, in bars that do
        not last as the metre says, and from a bar line to the next note.
    """
    shares = torch.full((len(tune),), torch.nan)
    for starts, end in _bars(tune):
        for (at, share), (after, _) in zip(starts, [*starts[1:], (end, None)], strict=True):
            shares[at:after] = float(share)
    return shares


def bar_line_chances(
    probabilities: Iterable[Tensor], tunes: Sequence[str], alphabet: Alphabet
) -> Mapping[Fraction, float]:
    """Average how likely a bar line was thought, by how much of the bar was over.

    Parameters
    ----------
    probabilities : iterable of Tensor, shape (characters, V)
        For each tune, the distribution over the next character after each of its characters.
    tunes : sequence of str
        The tunes, of one metre.
    alphabet : Alphabet
        What the columns stand for.

    Returns
    -------
    mapping
        Share of the bar that is over, in order, to mean probability. At 1 a bar line does come,
        before it a note does. Where only a note can follow, after ``(3`` or ``>``, none is asked.
    """
    lines = alphabet.encode(BAR_LINES)
    chances: dict[Fraction, list[float]] = defaultdict(list)
    for rows, tune in zip(probabilities, tunes, strict=True):
        for starts, end in _bars(tune):
            for at, share in [*starts[1:], (end, Fraction(1))]:
                if tune[at - 1] == " " or tune[at - 1].isalnum() or tune[at - 1] in "/,'":
                    chances[share].append(float(rows[at - 1, lines].sum()))
    return {share: sum(values) / len(values) for share, values in sorted(chances.items())}


def after_bars(tune: str) -> list[int]:
    """Return how many characters of a tune are over when each of its bars is: 1, 2, 3, …."""
    reading = abc_reader.read(tune)
    return [bar[0].at for bar in reading.bars[1:]] + [len(tune)]


def _bars(tune: str) -> Iterable[tuple[list[tuple[int, Fraction]], int]]:
    """Yield, of each whole bar, where its notes stand and begin, and where its bar line is."""
    reading = abc_reader.read(tune)
    for bar in reading.bars:
        share, starts = Fraction(), []
        for note in bar:
            starts.append((note.at, share))
            share += note.length / reading.metre
        ends = [place for sign in BAR_LINES if (place := tune.find(sign, bar[-1].at)) > 0]
        if share == 1 and ends:
            yield starts, min(ends)
