"""Teaching one recurrent unit to add: the data rules, the error that counts, and training.

Arrays are one-dimensional integer tensors of any length. `fit` trains any module with the
adder's ``forward(x, lengths)`` through autograd; `rnnbook.by_hand` does without.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

Schedule = Callable[[float], float]  # share of the training done, 0 to 1 → learning rate


def arrays(
    count: int,
    generator: torch.Generator,
    *,
    shortest: int = 2,
    longest: int = 7,
    low: int = 1,
    high: int = 10,
) -> list[Tensor]:
    """Draw arrays of whole numbers, by default by the source's rules.

    Parameters
    ----------
    count : int
        How many arrays.
    generator : torch.Generator
        Source of randomness.
    shortest, longest : int
        Lengths, both included, all equally likely.
    low, high : int
        Values, both included, all equally likely.

    Returns
    -------
    list of Tensor of int64, each of shape (length,)
    """
    lengths = torch.randint(shortest, longest + 1, (count,), generator=generator)
    return [torch.randint(low, high + 1, (int(n),), generator=generator) for n in lengths]


def pad(arrays: Sequence[Tensor], dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """Put arrays into one rectangle, with zeros after the end of the shorter ones.

    Returns
    -------
    x : Tensor, shape (B, T)
        The arrays. Zeros add nothing, so ``x.sum(dim=1)`` is the target of each row.
    lengths : Tensor of int64, shape (B,)
        How many numbers of each row are real.
    """
    lengths = torch.tensor([len(array) for array in arrays])  # (B,)
    return nn.utils.rnn.pad_sequence(list(arrays), batch_first=True).to(dtype), lengths  # (B, T)


@torch.no_grad()
def total_absolute_error(model: nn.Module, arrays: Sequence[Tensor]) -> float:
    """Return Σ |ŷ - Σx| over all arrays: the source's measure.

    Outputs have the model's own precision, the sum float64: at 48,642 two neighbouring float32
    numbers lie 0.004 apart.

    Parameters
    ----------
    model : nn.Module
        ``forward(x (B, T), lengths (B,)) -> (B,)``, as `rnnbook.models.Adder`.
    arrays : sequence of Tensor
        Integer arrays of any lengths.
    """
    x, lengths = pad(arrays, next(model.parameters()).dtype)
    targets = pad(arrays)[0].sum(dim=1)  # (B, T) → (B,)
    return float((model(x, lengths).double() - targets).abs().sum())


def constant(rate: float) -> Schedule:
    """Keep the learning rate."""
    return lambda done: rate


def cosine(rate: float) -> Schedule:
    """Let the learning rate fall from `rate` to zero along half a cosine wave."""
    return lambda done: rate * (1 + math.cos(math.pi * done)) / 2


def fit(
    model: nn.Module,
    arrays: Sequence[Tensor],
    test: Sequence[Tensor],
    *,
    epochs: int = 50,
    batch_size: int = 1,
    loss: str = "absolute",
    schedule: Schedule | None = None,
    targets: Tensor | None = None,
) -> list[float]:
    """Train with Adam on padded batches, in the arrays' own order.

    Parameters
    ----------
    model : nn.Module
        Trained in place.
    arrays, test : sequence of Tensor
        What to train on, and what to measure on.
    epochs : int
        Passes over `arrays`.
    batch_size : int
        Arrays an update; 1 is the source's loop.
    loss : {"absolute", "squared"}
        Its mean over the batch is minimised.
    schedule : Schedule, optional
        Learning rate; Adam's usual 1e-3 throughout when not given.
    targets : Tensor, shape (len(arrays),), optional
        What to learn instead of the sums.

    Returns
    -------
    list of float, length epochs + 1
        Total absolute error on `test` before training and after every epoch.
    """
    schedule = schedule or constant(1e-3)
    x, lengths = pad(arrays, next(model.parameters()).dtype)  # (N, T), (N,)
    targets = x.sum(dim=1) if targets is None else targets.to(x.dtype)  # (N,)
    loss_of = {"absolute": nn.functional.l1_loss, "squared": nn.functional.mse_loss}[loss]
    optimizer = torch.optim.Adam(model.parameters())
    batches = list(zip(*(part.split(batch_size) for part in (x, lengths, targets)), strict=True))
    errors = [total_absolute_error(model, test)]
    for epoch in range(epochs):
        for update, (rows, ends, sums) in enumerate(batches):
            rate = schedule((epoch + update / len(batches)) / epochs)
            optimizer.param_groups[0]["lr"] = rate
            optimizer.zero_grad()
            loss_of(model(rows, ends), sums).backward()
            optimizer.step()
        errors.append(total_absolute_error(model, test))
    return errors
