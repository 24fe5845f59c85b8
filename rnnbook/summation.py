"""Teaching one recurrent unit to add: the data rules, two ways to train it, the error that counts.

Arrays are one-dimensional integer tensors of any length. `fit` trains any module with the
adder's ``forward(x, lengths)`` through autograd; `fit_by_hand` does the same with the gradient
written out in plain Python, a hundred times faster for three numbers.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

Parameters = tuple[float, float, float]  # w_x, w_h, b
Schedule = Callable[[float], float]  # share of the training done, 0 to 1 → learning rate

# f(z) and, from the output h = f(z) alone, f'(z): all that a backward pass needs to keep.
ACTIVATIONS: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "identity": (lambda z: z, lambda h: 1.0),
    "tanh": (math.tanh, lambda h: 1.0 - h * h),
    "relu": (lambda z: max(z, 0.0), lambda h: float(h > 0)),
}


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
    rows = torch.arange(len(x)).split(batch_size)
    errors = [total_absolute_error(model, test)]
    for epoch in range(epochs):
        for update, batch in enumerate(rows):
            rate = schedule((epoch + update / len(rows)) / epochs)
            optimizer.param_groups[0]["lr"] = rate
            optimizer.zero_grad()
            loss_of(model(x[batch], lengths[batch]), targets[batch]).backward()
            optimizer.step()
        errors.append(total_absolute_error(model, test))
    return errors


def outputs(parameters: Parameters, numbers: Sequence[float], activation: str) -> list[float]:
    """Return h_0 = 0 and the unit's output after every number."""
    (w_x, w_h, b), (f, _) = parameters, ACTIVATIONS[activation]
    h = [0.0]
    for x_t in numbers:
        h.append(f(w_x * x_t + w_h * h[-1] + b))
    return h


def gradient(
    parameters: Parameters,
    numbers: Sequence[float],
    target: float,
    *,
    activation: str = "identity",
    loss: str = "absolute",
) -> tuple[float, Parameters]:
    """Return the loss on one array and its derivatives by w_x, w_h and b, without autograd.

    Backpropagation through time (Werbos 1990) for a unit of three numbers: walk back from the
    last step with δ_t, the derivative of the loss by what enters the activation at step t.
    """
    h = outputs(parameters, numbers, activation)
    slope = ACTIVATIONS[activation][1]
    error = h[-1] - target
    # The derivative of |e| is its sign; at 0 we take 0, as PyTorch does.
    by_output = 2 * error if loss == "squared" else float((error > 0) - (error < 0))
    by_w_x = by_w_h = by_b = 0.0
    for t in range(len(numbers), 0, -1):
        delta = by_output * slope(h[t])
        by_w_x += delta * numbers[t - 1]
        by_w_h += delta * h[t - 1]
        by_b += delta
        by_output = delta * parameters[1]
    return error**2 if loss == "squared" else abs(error), (by_w_x, by_w_h, by_b)


@dataclass(frozen=True)
class Path:
    """What training by hand leaves behind.

    Attributes
    ----------
    errors : list of float
        Total absolute error on the test arrays before training and after every epoch.
    parameters : list of Parameters
        The three numbers before training and after every update.
    """

    errors: list[float]
    parameters: list[Parameters]


def fit_by_hand(
    parameters: Parameters,
    arrays: Sequence[Tensor],
    test: Sequence[Tensor],
    *,
    epochs: int = 50,
    activation: str = "identity",
    loss: str = "absolute",
    schedule: Schedule | None = None,
    epsilon: float = 1e-8,
) -> Path:
    """Train as `fit` does with one array an update, in plain Python and float64.

    Adam (Kingma & Ba 2015) keeps two running means for each parameter: of its gradient, and of
    the gradient's square, whose root plus `epsilon` divides the step.
    """
    schedule = schedule or constant(1e-3)
    samples = [[float(number) for number in array] for array in arrays]
    mean, square = [0.0] * 3, [0.0] * 3
    errors, path = [_total(parameters, test, activation)], [parameters]
    for epoch in range(epochs):
        for index, numbers in enumerate(samples):
            _, slopes = gradient(
                parameters, numbers, sum(numbers), activation=activation, loss=loss
            )
            update = len(path)
            rate = schedule((epoch + index / len(samples)) / epochs)
            moved = []
            for i, (value, g) in enumerate(zip(parameters, slopes, strict=True)):
                mean[i] = 0.9 * mean[i] + 0.1 * g
                square[i] = 0.999 * square[i] + 0.001 * g * g
                size = math.sqrt(square[i] / (1 - 0.999**update)) + epsilon
                moved.append(value - rate * mean[i] / (1 - 0.9**update) / size)
            parameters = (moved[0], moved[1], moved[2])
            path.append(parameters)
        errors.append(_total(parameters, test, activation))
    return Path(errors, path)


def _total(parameters: Parameters, arrays: Sequence[Tensor], activation: str) -> float:
    return sum(
        abs(outputs(parameters, array.tolist(), activation)[-1] - float(array.sum()))
        for array in arrays
    )
