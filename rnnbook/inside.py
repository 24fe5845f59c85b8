"""Look inside a character model: what its units do while it reads, and what they tell."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rnnbook.models import CharRNN
from rnnbook.text import Alphabet


@dataclass(frozen=True)
class Trace:
    """What a model did while it read a text of T characters.

    Attributes
    ----------
    probabilities : Tensor, shape (T, V)
        After each character, how likely it thought each next one.
    units : Tensor, shape (T, H)
        After each character, the outputs of its last recurrent layer.
    """

    probabilities: Tensor
    units: Tensor


@dataclass(frozen=True)
class FoundUnit:
    """The unit that goes most with something in the text.

    Attributes
    ----------
    unit : int
        Its number in the layer.
    r : float
        Correlation on the first half of the text, by which it was chosen among all units.
    r_elsewhere : float
        Correlation on the second half, which had no say: what counts.
    r_chance : float
        The highest correlation of any unit, in the first half, with the feature turned by half
        of that: what the best of so many units reaches with nothing to find.
    """

    unit: int
    r: float
    r_elsewhere: float
    r_chance: float


@torch.inference_mode()
def trace(model: CharRNN, alphabet: Alphabet, text: str) -> Trace:
    """Let a model read a text from an empty state and keep what its units did.

    Parameters
    ----------
    model : CharRNN
        It is put into evaluation mode.
    alphabet : Alphabet
        The alphabet it was trained with.
    text : str
        What it reads.
    """
    tokens = alphabet.encode(text).to(model.head.weight.device)
    units = _units(model, tokens[None])[0]  # (T, H)
    probabilities = torch.softmax(model.head(units).float(), dim=-1)  # (T, V)
    return Trace(probabilities.cpu(), units.float().cpu())


@torch.inference_mode()
def states_at(
    model: CharRNN, alphabet: Alphabet, texts: Sequence[str], places: Sequence[Sequence[int]]
) -> Tensor:
    """Let a model read several texts, each from an empty state, and keep its units at some places.

    Parameters
    ----------
    model : CharRNN
        It is put into evaluation mode.
    alphabet : Alphabet
        The alphabet it was trained with.
    texts : sequence of str
        What it reads.
    places : sequence of sequences of int
        For each text, after how many characters; for all texts as many places.

    Returns
    -------
    Tensor, shape (texts, places, H)
        The outputs of its last recurrent layer.
    """
    kept: list[Tensor] = []
    for start in range(0, len(texts), 50):
        some, where = texts[start : start + 50], torch.tensor(places[start : start + 50])  # (B, P)
        read = [
            alphabet.encode(text[:last]) for text, last in zip(some, where.amax(1), strict=True)
        ]
        # Nothing that stands after a place changes what was read before it: pad with anything.
        rows = nn.utils.rnn.pad_sequence(read, batch_first=True).to(model.head.weight.device)
        units = _units(model, rows).float().cpu()  # (B, T, H)
        kept.append(units[torch.arange(len(some))[:, None], where - 1])  # (B, P, H)
    return torch.cat(kept)


def _units(model: CharRNN, tokens: Tensor) -> Tensor:
    """Return what goes into the head, (B, T, H), for tokens (B, T)."""
    seen: list[Tensor] = []
    hook = model.head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    try:
        model.eval()(tokens)
    finally:
        hook.remove()
    return seen[0]


def correlations(units: Tensor, feature: Tensor) -> Tensor:
    """Return Pearson's r of each unit with a feature, 0 for a unit that never moves.

    Parameters
    ----------
    units : Tensor, shape (T, H)
    feature : Tensor, shape (T,)

    Returns
    -------
    Tensor, shape (H,)
    """
    units = units - units.mean(dim=0)
    feature = (feature - feature.mean()).float()
    spread = units.norm(dim=0) * feature.norm()  # (H,)
    return torch.where(spread > 0, feature @ units / spread.clamp_min(1e-12), 0.0)


def find_unit(units: Tensor, feature: Tensor) -> FoundUnit:
    """Find the unit that goes most with a feature, and check it where it was not chosen.

    Parameters
    ----------
    units : Tensor, shape (T, H)
        As in `Trace`.
    feature : Tensor, shape (T,)
        A number for each character.
    """
    half = len(feature) // 2
    chosen = correlations(units[:half], feature[:half])
    unit = int(chosen.abs().argmax())
    elsewhere = correlations(units[half:, [unit]], feature[half:])
    turned = correlations(units[:half], feature[:half].roll(half // 2))
    return FoundUnit(unit, float(chosen[unit]), float(elsewhere[0]), float(turned.abs().max()))


def linear_probe(
    states: Tensor, labels: Tensor, new_states: Tensor, *, weight_decay: float = 1e-3
) -> Tensor:
    """Train a linear classifier on states and return what it says of new ones.

    Parameters
    ----------
    states : Tensor, shape (n, H)
        States of a network, the examples.
    labels : Tensor of int64, shape (n,)
        The class of each.
    new_states : Tensor, shape (m, H)
        States it is not trained on.
    weight_decay : float
        Pull of the weights to 0, times half their squared length.

    Returns
    -------
    Tensor of int64, shape (m,)
        Their classes.

    Notes
    -----
    Such classifiers probe what a network makes easy to read off (Alain and Bengio, 2017).
    """
    centre, spread = states.mean(dim=0), states.std(dim=0).clamp_min(1e-3)
    probe = nn.Linear(states.shape[1], int(labels.max()) + 1)
    nn.init.zeros_(probe.weight)
    nn.init.zeros_(probe.bias)
    optimizer = torch.optim.LBFGS(probe.parameters(), max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        wrong = nn.functional.cross_entropy(probe((states - centre) / spread), labels)
        total = wrong + weight_decay / 2 * probe.weight.square().sum()
        total.backward()
        return total

    optimizer.step(loss)
    with torch.no_grad():
        return probe((new_states - centre) / spread).argmax(dim=-1)
