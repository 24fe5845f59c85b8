"""Text as numbers: an alphabet, splits that do not leak, and streams of batches."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


class UnknownCharacters(ValueError):
    """A text holds characters that the alphabet does not."""


class Alphabet:
    """A fixed set of characters, each with an index.

    Parameters
    ----------
    characters : str
        The characters in the order of their indices, each once.

    Raises
    ------
    ValueError
        If a character is repeated or there is none.
    """

    def __init__(self, characters: str) -> None:
        if not characters or len(set(characters)) != len(characters):
            raise ValueError("an alphabet needs at least one character, and each of them once")
        self.characters = characters
        self._codes = _code_points(characters)
        self._order = np.argsort(self._codes)

    @classmethod
    def of(cls, text: str) -> "Alphabet":
        """Return the alphabet of all characters in `text`, sorted by code point."""
        return cls("".join(sorted(set(text))))

    def __len__(self) -> int:
        """Return the number of characters, V."""
        return len(self.characters)

    def encode(self, text: str, replacement: str | None = None) -> Tensor:
        """Turn text into indices.

        Parameters
        ----------
        text : str
            Any text.
        replacement : str, optional
            The character of this alphabet to put in the place of those it lacks.

        Returns
        -------
        Tensor of int64, shape (len(text),)

        Raises
        ------
        UnknownCharacters
            If the text holds unknown characters and there is no replacement, or if the
            replacement is itself unknown. The message shows them.
        """
        codes = _code_points(text)
        rank = np.searchsorted(self._codes, codes, sorter=self._order)
        index = self._order[np.minimum(rank, len(self) - 1)]
        unknown = self._codes[index] != codes
        if unknown.any():
            if replacement is None:
                raise UnknownCharacters(_describe_unknown(text, unknown))
            index[unknown] = self.encode(replacement).item()
        return torch.from_numpy(index)

    def decode(self, indices: Tensor) -> str:
        """Turn indices of shape (n,) back into the text they came from."""
        codes = self._codes[indices.cpu().numpy()]
        return codes.tobytes().decode("utf-32-le", "surrogatepass")


def _code_points(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def _describe_unknown(text: str, unknown: np.ndarray) -> str:
    found = sorted({text[i] for i in np.flatnonzero(unknown)})
    shown = ", ".join(f"{c!r} ({unicodedata.name(c, f'U+{ord(c):04X}')})" for c in found[:10])
    more = f" and {len(found) - 10} more" if len(found) > 10 else ""
    return (
        f"the alphabet lacks {len(found)} character{'s' * (len(found) > 1)} of this text: "
        f"{shown}{more}. Leave them out, or choose a replacement the alphabet has."
    )


@dataclass(frozen=True)
class Split:
    """A text in two parts: one to train on, one held out.

    Attributes
    ----------
    train : Tensor, shape (n,)
        What is trained on, one text.
    held_out : Tensor, shape (m,) or (rows, length)
        One text, or rows that do not follow each other.
    """

    train: Tensor
    held_out: Tensor


def split_end(tokens: Tensor, fraction: float) -> Split:
    """Hold out the contiguous end of a text.

    Parameters
    ----------
    tokens : Tensor, shape (n,)
        The text's indices.
    fraction : float
        Share to hold out, above 0 and below 1.

    Returns
    -------
    Split
        The first n − ⌊fraction·n⌋ tokens and the rest.

    Raises
    ------
    ValueError
        If a part would be empty.
    """
    size = int(fraction * len(tokens))
    if not 0 < size < len(tokens):
        raise ValueError(f"cannot hold out {fraction} of {len(tokens)} characters")
    return Split(tokens[:-size], tokens[-size:])


def split_middle(tokens: Tensor, fraction: float, start: int) -> Split:
    """Hold out a contiguous stretch from within a text.

    The training text is what comes before and what comes after, joined. At the seam one character
    is followed by one that never followed it: one false pair in the whole text, which cannot
    move a loss, and reveals nothing of what is held out.

    Parameters
    ----------
    tokens : Tensor, shape (n,)
        The text's indices.
    fraction : float
        Share to hold out, above 0 and below 1; rounded to whole tokens.
    start : int
        Index of the first token held out.

    Returns
    -------
    Split

    Raises
    ------
    ValueError
        If nothing would be held out, or nothing left on either side of it.
    """
    size = round(fraction * len(tokens))
    if not (size > 0 and 0 < start < len(tokens) - size):
        raise ValueError(f"cannot hold out {fraction} of {len(tokens)} characters from {start} on")
    end = start + size
    return Split(torch.cat([tokens[:start], tokens[end:]]), tokens[start:end])


def split_chunks(tokens: Tensor, fraction: float, streams: int, length: int, seed: int) -> Split:
    """Hold out random chunks from between those that are trained on, as a tutorial did.

    This leaks, and is here to show how much: each held-out chunk has its neighbours in the
    training text. The text is cut into `streams` stretches, these into chunks; a chunk is held
    out together with those at the same place of all other stretches.

    Parameters
    ----------
    tokens : Tensor, shape (n,)
        The text's indices.
    fraction : float
        Share of the chunks to hold out, above 0 and below 1.
    streams : int
        Stretches of the text.
    length : int
        Characters scored in a chunk.
    seed : int
        Decides which chunks are held out.

    Returns
    -------
    Split
        The chunks to train on, joined in the order of the text, and rows of `length` + 1 tokens,
        whose last one is the first of the chunk that follows.

    Raises
    ------
    ValueError
        If a part would be empty.
    """
    stretch = len(tokens) // streams
    places = (stretch - 1) // length
    kept = int((1 - fraction) * places)
    if not 0 < kept < places:
        raise ValueError(f"cannot hold out {fraction} of {places} places in {streams} streams")
    stretches = tokens[: streams * stretch].view(streams, stretch)
    chunks = stretches.unfold(1, length + 1, length)  # (streams, places, length + 1)
    order = torch.randperm(places, generator=torch.Generator().manual_seed(seed))
    train = chunks[:, order[:kept].sort().values, :-1].flatten()
    return Split(train, chunks[:, order[kept:].sort().values].flatten(0, 1))


class Streams:
    """Read a text with evenly spaced cursors, so that each batch goes on where the last stopped.

    Row b of every batch comes from the b-th of `batch_size` equal stretches of the text; a
    model may therefore carry its state from one batch to the next. Targets are the inputs one
    character later. Only the remainder of the division, fewer than `batch_size` characters
    and the very last one, is left out.

    Parameters
    ----------
    tokens : Tensor, shape (n,)
        The text's indices.
    batch_size : int
        Number of cursors B.
    unroll : int
        Characters T each cursor moves in one batch.

    Raises
    ------
    ValueError
        If the text is too short to move every cursor once.
    """

    def __init__(self, tokens: Tensor, batch_size: int, unroll: int) -> None:
        length = (len(tokens) - 1) // batch_size
        if length < 1:
            raise ValueError(f"{len(tokens)} characters cannot feed {batch_size} streams")
        used = length * batch_size
        self.inputs = tokens[:used].view(batch_size, length)
        self.targets = tokens[1 : used + 1].view(batch_size, length)
        self.unroll = unroll

    def epoch(self, generator: torch.Generator | None = None) -> Iterator[tuple[Tensor, Tensor]]:
        """Read the text once.

        Parameters
        ----------
        generator : torch.Generator, optional
            Draws the length of the first batch from 1 to `unroll`, so that batches are cut at
            other places in every epoch. Without it the first batch has full length.

        Yields
        ------
        inputs, targets : Tensor, shape (batch_size, at most unroll)
        """
        first = self.unroll
        if generator is not None:
            first = int(torch.randint(1, self.unroll + 1, (), generator=generator))
        sizes = self.batch_lengths(first)
        yield from zip(self.inputs.split(sizes, 1), self.targets.split(sizes, 1), strict=True)

    def batch_lengths(self, first: int) -> list[int]:
        """Return the lengths of an epoch's batches when the first one has `first` characters."""
        length = self.inputs.shape[1]
        first = min(first, length)
        full, last = divmod(length - first, self.unroll)
        return [first] + [self.unroll] * full + [last] * (last > 0)
