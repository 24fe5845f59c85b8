"""Training the adder without autograd: backpropagation through time and Adam in plain Python.

For three numbers this is a hundred times faster than a tensor library, and it hides nothing. It
works in float64, one array an update, with the loss and the defaults of `rnnbook.summation`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from rnnbook import summation

Parameters = tuple[float, float, float]  # w_x, w_h, b

# f(z) and, from the output h = f(z) alone, f'(z): all that a backward pass needs to keep.
ACTIVATIONS: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "identity": (lambda z: z, lambda h: 1.0),
    "tanh": (math.tanh, lambda h: 1.0 - h * h),
    "relu": (lambda z: max(z, 0.0), lambda h: float(h > 0)),
}


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


def fit(
    parameters: Parameters,
    arrays: Sequence[Tensor],
    test: Sequence[Tensor],
    *,
    epochs: int = 50,
    activation: str = "identity",
    loss: str = "absolute",
    schedule: summation.Schedule | None = None,
    epsilon: float = 1e-8,
) -> Path:
    """Train as `summation.fit` does with one array an update, in plain Python and float64.

    Adam (Kingma & Ba 2015) keeps two running means for each parameter: of its gradient, and of
    the gradient's square, whose root plus `epsilon` divides the step.
    """
    schedule = schedule or summation.constant(1e-3)
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
    # Exact addition: a plain sum of 50,000 loses what an output lacks of its bound (chapter 3).
    return math.fsum(
        abs(outputs(parameters, array.tolist(), activation)[-1] - float(array.sum()))
        for array in arrays
    )
