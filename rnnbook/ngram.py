"""Counting: interpolated n-grams, the baseline that every model of the book is held against.

The probability of a character c after a history h mixes what was counted after h with what a
shorter history says, by Witten and Bell's weights (Bell, Cleary and Witten, *Text Compression*,
1990)::

    P(c | h) = (count(h c) + kinds(h) · P(c | h')) / (count(h) + kinds(h))

where h' is h without its oldest character and kinds(h) is the number of different characters
seen after h. The shortest history is none at all, and before that every character is equally
likely. A history never seen adds nothing.
"""

import copy
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import Tensor


class _Level:
    """The n-grams of one order: each is a known context and one character after it."""

    def __init__(self, contexts: np.ndarray, tokens: np.ndarray, vocabulary: int) -> None:
        self.vocabulary = vocabulary
        self.keys, counts = np.unique(contexts * vocabulary + tokens, return_counts=True)
        self.counts = counts.astype(np.float64)
        context_of_key = self.keys // vocabulary
        self.totals = np.bincount(context_of_key, weights=self.counts)
        self.kinds = np.bincount(context_of_key).astype(np.float64)

    def find(self, contexts: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """Return each n-gram's number, or −1 for one never counted."""
        keys = np.where(contexts < 0, -1, contexts * self.vocabulary + tokens)
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[place] == keys, place, -1)

    def interpolate(self, lower: np.ndarray, contexts: np.ndarray, found: np.ndarray) -> np.ndarray:
        """Mix this order's counts into the probabilities of the order below."""
        total, kinds = self.after(contexts, self.totals), self.after(contexts, self.kinds)
        count = np.where(found >= 0, self.counts[found], 0.0)
        mixed = (count + kinds * lower) / np.where(total > 0, total + kinds, 1.0)
        return np.where(total > 0, mixed, lower)

    def after(self, contexts: np.ndarray, figures: np.ndarray) -> np.ndarray:
        """Return the figure of each context: of `totals` or of `kinds`, 0 for one never seen."""
        known = (contexts >= 0) & (contexts < len(figures))
        return np.where(known, figures[np.where(known, contexts, 0)], 0.0)


class NGram:
    """A table of counts that predicts the next character.

    Parameters
    ----------
    tokens : Tensor of int64, shape (n,)
        The text to count.
    order : int
        Length of the longest n-gram; a bigram table has order 2.
    alphabet_size : int
        Number of symbols V.

    Raises
    ------
    ValueError
        If the order is below 1 or the text is shorter than it.
    """

    def __init__(self, tokens: Tensor, order: int, alphabet_size: int) -> None:
        if not 1 <= order <= len(tokens):
            raise ValueError(f"cannot count {order}-grams in {len(tokens)} characters")
        self.order = order
        self.alphabet_size = alphabet_size
        self._levels: list[_Level] = []
        text = tokens.cpu().numpy()
        contexts = np.zeros(len(text), dtype=np.int64)  # the one context of order 1: none
        for _ in range(order):
            level = _Level(contexts, text, alphabet_size)
            self._levels.append(level)
            # The n-gram that ends at one character is the context of the next character.
            contexts, text = level.find(contexts, text)[:-1], text[1:]

    @property
    def parameters(self) -> int:
        """Numbers the table stores: the count of every different n-gram of every order."""
        return sum(len(level.keys) for level in self._levels)

    def truncated(self, order: int) -> "NGram":
        """Return the table of a lower order that this one holds; nothing is counted again."""
        if not 1 <= order <= self.order:
            raise ValueError(f"a table of order {self.order} holds none of order {order}")
        lower = copy.copy(self)
        lower.order, lower._levels = order, self._levels[:order]
        return lower

    def losses(self, tokens: Tensor) -> np.ndarray:
        """Score every character but the first, each after all those before it.

        Parameters
        ----------
        tokens : Tensor of int64, shape (n,)
            A text.

        Returns
        -------
        ndarray, shape (order, n − 1)
            −ln P in nats, one row for each order from 1 to this table's own: a table of a
            high order holds all the lower ones.
        """
        p = np.full(len(tokens), 1 / self.alphabet_size)
        rows = []
        for level, contexts, found in self._walk(tokens):
            p = level.interpolate(p, contexts, found)
            rows.append(-np.log(p[1:]))
        return np.stack(rows)

    def history_counts(self, tokens: Tensor) -> np.ndarray:
        """Count how often the history of each character but the first was counted.

        Parameters
        ----------
        tokens : Tensor of int64, shape (n,)
            A text.

        Returns
        -------
        ndarray, shape (n − 1,)
            Occurrences of the order − 1 characters before; 0 where there are not as many.
        """
        *_, (level, contexts, _) = self._walk(tokens)
        return level.after(contexts, level.totals)[1:]

    def _walk(self, tokens: Tensor) -> Iterator[tuple[_Level, np.ndarray, np.ndarray]]:
        """Yield each level with the contexts and the n-grams it finds at every character."""
        text = tokens.cpu().numpy()
        contexts = np.zeros(len(text), dtype=np.int64)
        for level in self._levels:
            found = level.find(contexts, text)
            yield level, contexts, found
            contexts = np.concatenate([[-1], found[:-1]])

    def loss_nats(self, tokens: Tensor) -> float:
        """Return the mean −ln P, in nats per character, over all characters but the first."""
        return float(self.losses(tokens)[-1].mean())

    def probabilities(self, context: Tensor) -> Tensor:
        """Return the distribution over the next character.

        Parameters
        ----------
        context : Tensor of int64, shape (k,)
            The characters before it; all but the last order − 1 are ignored.

        Returns
        -------
        Tensor of float64, shape (alphabet_size,)
            Probabilities that sum to 1.
        """
        every = np.arange(self.alphabet_size)
        p = np.full(self.alphabet_size, 1 / self.alphabet_size)
        history = context[max(0, len(context) - self.order + 1) :]
        # The n-gram that ends the history at one order is the context at the next; order 1 has 0.
        ends = [0, *(found[-1] for *_, found in self._walk(history) if len(found))]
        for level, end in zip(self._levels, ends, strict=False):
            contexts = np.full(self.alphabet_size, end)
            p = level.interpolate(p, contexts, level.find(contexts, every))
        return torch.from_numpy(p)

    def sample(self, length: int, context: Tensor, generator: torch.Generator) -> Tensor:
        """Draw characters one after another.

        Parameters
        ----------
        length : int
            Characters to draw.
        context : Tensor of int64, shape (k,)
            The text to go on from; may be empty.
        generator : torch.Generator
            A CPU generator.

        Returns
        -------
        Tensor of int64, shape (length,)
        """
        tokens = context.cpu()
        for _ in range(length):
            drawn = torch.multinomial(self.probabilities(tokens), 1, generator=generator)
            tokens = torch.cat([tokens, drawn])
        return tokens[len(context) :]


def losses_by_order(
    train: Tensor, held_out: Tensor, alphabet_size: int, orders: Iterable[int] = range(1, 9)
) -> dict[int, float]:
    """Score count tables of several orders on the same held-out characters.

    Parameters
    ----------
    train, held_out : Tensor of int64, shape (n,)
        The texts to count and to score.
    alphabet_size : int
        Number of symbols V.
    orders : iterable of int
        Orders to score.

    Returns
    -------
    dict
        Nats per character by order.
    """
    orders = sorted(orders)
    means = NGram(train, orders[-1], alphabet_size).losses(held_out).mean(axis=1)
    return {order: float(means[order - 1]) for order in orders}
