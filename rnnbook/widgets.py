"""Small teaching widgets of plain ipywidgets. What they show is computed by pure functions.

Where no kernel runs, a widget's place shows the HTML that stands beside it in its output.
"""

from collections.abc import Sequence
from io import BytesIO

import ipywidgets
import matplotlib.pyplot as plt
import torch
from torch import Tensor

from rnnbook import by_hand, summation, summation_plots
from rnnbook.by_hand import Parameters


def surface(arrays: Sequence[Tensor], w_x: Tensor, w_h: Tensor, b: float) -> Tensor:
    """Compute the adder's mean absolute error over a grid of weights.

    Parameters
    ----------
    arrays : sequence of Tensor
        What to add up.
    w_x, w_h : Tensor, shapes (M,) and (N,)
        The grid.
    b : float
        The bias, the same everywhere.

    Returns
    -------
    Tensor of float64, shape (N, M)
    """
    x, lengths = summation.pad(arrays)  # (B, T), (B,)
    w_x, w_h = w_x.double()[:, None], w_h.double()[:, None, None]  # (M, 1), (N, 1, 1)
    h = torch.zeros(len(w_h), len(w_x), len(x), dtype=torch.float64)  # (N, M, B)
    for t in range(x.shape[1]):
        h = torch.where(t < lengths, w_x * x[:, t] + w_h * h + b, h)  # an ended row keeps its h
    return (h - x.sum(dim=1)).abs().mean(dim=2)  # (N, M, B) → (N, M)


def verdict(arrays: Sequence[Tensor], parameters: Parameters) -> str:
    """Say in one HTML line what the adder makes of the arrays and of the first of them."""
    w_x, w_h, b = parameters
    error = surface(arrays, torch.tensor([w_x]), torch.tensor([w_h]), b).item()
    numbers = arrays[0].tolist()
    output = by_hand.outputs(parameters, numbers, "identity")[-1]
    total = " + ".join(str(number) for number in numbers)
    return (
        f"mean absolute error <b>{error:.3f}</b> an array; "
        f"{total} = {sum(numbers)}, the unit says <b>{output:.2f}</b>"
    )


class AdderExplorer(ipywidgets.VBox):
    """Three sliders for w_x, w_h and b over the adder's loss surface.

    The two weights move a point on the surface; the bias cuts it elsewhere.

    Parameters
    ----------
    arrays : sequence of Tensor
        What the adder adds up. Some 200 arrays follow a slider without delay.
    parameters : Parameters
        Where the sliders start.
    """

    FALLBACK = (
        "<p>Three sliders stand here when the notebook runs: w_x, w_h and b move a point over "
        "the loss surface, and the surface changes with b.</p>"
    )

    def __init__(self, arrays: Sequence[Tensor], parameters: Parameters = (0.5, 0.5, 0.0)) -> None:
        self._arrays = arrays
        bounds = {"w_x": (-1.0, 2.5), "w_h": (-0.5, 1.6), "b": (-3.0, 3.0)}
        self.sliders = [
            ipywidgets.FloatSlider(
                value, min=low, max=high, step=0.01, description=name, continuous_update=False
            )
            for value, (name, (low, high)) in zip(parameters, bounds.items(), strict=True)
        ]
        self._w_x = torch.linspace(*bounds["w_x"], 50)
        self._w_h = torch.linspace(*bounds["w_h"], 50)
        self.text = ipywidgets.HTML()
        self.image = ipywidgets.Image(format="png")
        for slider in self.sliders:
            slider.observe(self._update, names="value")
        self._update()
        super().__init__([*self.sliders, self.text, self.image])

    def _update(self, change: object = None) -> None:
        w_x, w_h, b = (slider.value for slider in self.sliders)
        errors = surface(self._arrays, self._w_x, self._w_h, b)
        figure = summation_plots.loss_surface(self._w_x, self._w_h, errors, b=b, here=(w_x, w_h))
        buffer = BytesIO()
        figure.savefig(buffer, format="png")
        plt.close(figure)  # or the notebook would draw it a second time under the cell
        self.image.value = buffer.getvalue()
        self.text.value = verdict(self._arrays, (w_x, w_h, b))

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        return bundle and {**bundle, "text/html": self.FALLBACK}
