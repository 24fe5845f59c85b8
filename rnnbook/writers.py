"""What kept models and counts write, many pieces of each, for the tables of chapters 6 and 7."""

from collections.abc import Sequence

import torch

from rnnbook import checkpoints, records
from rnnbook.ngram import NGram
from rnnbook.sampling import Sampler
from rnnbook.text import Alphabet
from rnnbook.tune_book import END, split  # stanzas end as tunes do


def by_network(
    name: str, snapshot: str | None, count: int, longest: int, **settings: float
) -> list[str]:
    """Let a kept model write pieces, each from an empty line to the next.

    Parameters
    ----------
    name : str
        Of the model, as in `checkpoints.pretrained`.
    snapshot : str or None
        A moment of its training; None for its end.
    count : int
        Number of pieces.
    longest : int
        Characters after which a piece without end is broken off.
    settings
        Temperature and the like, as in `sampling.Sampler.stream`.
    """
    found = checkpoints.pretrained(name, snapshot=snapshot)
    # In float32, so that another processor draws the same.
    sampler = Sampler(found.model, found.alphabet, dtype=torch.float32)
    return sampler.sample_until(END, END, longest, count, **settings)


def by_counting(trained_on: Sequence[str], order: int, count: int, *, seed: int = 0) -> list[str]:
    """Count n-grams in pieces of a text, and draw as many new ones from the counts.

    Parameters
    ----------
    trained_on : sequence of str
        The pieces.
    order : int
        Of the longest n-gram.
    count : int
        Number of pieces to draw.
    seed : int
        The same seed gives the same pieces.
    """
    text = END + "".join(piece + END for piece in trained_on)
    alphabet = Alphabet.of(text)
    table = NGram(alphabet.encode(text), order, len(alphabet))
    generator = torch.Generator().manual_seed(seed)
    written = END
    # One more than wanted: the last one is not at its end.
    while len(split(written)) <= count:
        written += alphabet.decode(table.sample(2_000, alphabet.encode(written), generator))
    return split(written)[:count]


def best_order(name: str) -> int:
    """Return the order of the best count table in the record of a kept model."""
    return min(records.load(name)["ngrams"], key=lambda table: table["loss_nats"])["order"]
