"""The sampler, and small teaching widgets of plain ipywidgets.

What the small ones show is computed by pure functions.

Where no kernel runs, a widget's place shows the HTML that stands beside it in its output.
"""

from collections.abc import Sequence
from io import BytesIO

import ipywidgets
import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from rnnbook import by_hand, gradients, summation, summation_plots, vanilla_plots
from rnnbook.by_hand import Parameters
from rnnbook.sampler_widget import SamplerWidget as SamplerWidget


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


def _png(figure: Figure) -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    plt.close(figure)  # or the notebook would draw it a second time under the cell
    return buffer.getvalue()


class _Explorer(ipywidgets.VBox):
    """Controls above a line of text and a picture that follow them."""

    FALLBACK: str

    def __init__(self, controls: Sequence[ipywidgets.Widget]) -> None:
        self.text = ipywidgets.HTML()
        self.image = ipywidgets.Image(format="png")
        for control in controls:
            control.observe(self._update, names="value")
        self._update()
        super().__init__([*controls, self.text, self.image])

    def _look(self) -> tuple[str, Figure]:
        """Return the text and the picture of what is chosen now."""
        raise NotImplementedError

    def _update(self, change: object = None) -> None:
        self.text.value, figure = self._look()
        self.image.value = _png(figure)

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        return bundle and {**bundle, "text/html": self.FALLBACK}


class AdderExplorer(_Explorer):
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
        super().__init__(self.sliders)

    def _look(self) -> tuple[str, Figure]:
        w_x, w_h, b = (slider.value for slider in self.sliders)
        errors = surface(self._arrays, self._w_x, self._w_h, b)
        figure = summation_plots.loss_surface(self._w_x, self._w_h, errors, b=b, here=(w_x, w_h))
        return verdict(self._arrays, (w_x, w_h, b)), figure


def fate(activation: str, scale: float, unroll: int, steps: int = 50) -> tuple[Tensor, str]:
    """Follow the gradient of one loss back through a random network of 50 units.

    Parameters
    ----------
    activation : {"tanh", "relu"}
        The network's activation.
    scale : float
        Spectral radius of its recurrent weights.
    unroll : int
        Steps that training goes back; beyond them there is no gradient.
    steps : int
        Steps to look back.

    Returns
    -------
    Tensor, shape (steps + 1,)
        Length of the gradient k steps back, 0 from `unroll` on.
    str
        What became of it, in a line of HTML.
    """
    network = gradients.random_network(activation, scale)
    generator = torch.Generator().manual_seed(0)
    rows = torch.randint(0, 27, (8, steps + 2), generator=generator)
    norms = gradients.by_distance(network, rows)  # (steps + 1,)
    norms[unroll:] = 0
    reached = min(unroll - 1, steps)
    change = (norms[reached] / norms[0]).item()
    return norms, f"after {reached} steps back the gradient is <b>{change:.1e}</b> times as long"


class GradientExplorer(_Explorer):
    """Choose activation, weight scale and unrolling; see how far a loss reaches back."""

    FALLBACK = (
        "<p>Here a notebook shows a menu and two sliders: with the activation, the scale of the "
        "recurrent weights and the steps unrolled, the curve of the gradient over 50 steps back "
        "changes at once.</p>"
    )

    def __init__(self) -> None:
        self.activation = ipywidgets.Dropdown(options=["tanh", "relu"], description="activation")
        self.scale = ipywidgets.FloatSlider(1.0, min=0.5, max=2, step=0.05, description="scale")
        self.unroll = ipywidgets.IntSlider(20, min=1, max=51, description="unroll")
        super().__init__([self.activation, self.scale, self.unroll])

    def _look(self) -> tuple[str, Figure]:
        activation, scale, unroll = self.activation.value, self.scale.value, self.unroll.value
        norms, text = fate(activation, scale, unroll)
        name = f"{activation}, scale {scale:.2f}"
        return text, vanilla_plots.fates({name: norms}, unroll)
