"""The sampler, and small teaching widgets of plain ipywidgets.

What the small ones show is computed by pure functions.

Where no kernel runs, a widget's place shows the HTML that stands beside it in its output: of a
small one the picture it begins with, and a sentence on what it does live.
"""

import base64
import html
from collections.abc import Sequence
from io import BytesIO

import ipywidgets
import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from rnnbook import (
    by_hand,
    gradients,
    plots,
    sampling,
    summation,
    summation_plots,
    tanh_plots,
    vanilla_plots,
)
from rnnbook.by_hand import Parameters
from rnnbook.sampler_widget import SamplerWidget as SamplerWidget
from rnnbook.text import Alphabet


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
    """Controls above a line of text and a picture that follow them.

    `LIVE` says in one sentence what they do, `SEEN` what the first picture shows.
    """

    LIVE: str
    SEEN: str

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
        picture = base64.b64encode(self.image.value).decode()
        still = (
            f'<figure class="explorer"><img src="data:image/png;base64,{picture}" '
            f'alt="{html.escape(self.SEEN)}"><figcaption>{html.escape(self.LIVE)}</figcaption>'
            "</figure>"
        )
        return bundle and {**bundle, "text/html": still}


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

    LIVE = (
        "Here a notebook shows three sliders: w_x, w_h and b move a point over the loss surface, "
        "and the surface changes with b."
    )
    SEEN = "A map of the error over two weights, dark where it is small, with a point on it."

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

    LIVE = (
        "Here a notebook shows a menu and two sliders: with the activation, the scale of the "
        "recurrent weights and the steps unrolled, the curve of the gradient over 50 steps back "
        "changes at once."
    )
    SEEN = "The length of a gradient over steps back, on a logarithmic axis, falling to the right."

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


def squeezed(z: float, steps: int) -> tuple[float, float, float]:
    """Compute what tanh makes of a weighted sum, in float32, and of a gradient on its way back.

    Parameters
    ----------
    z : float
        The weighted sum.
    steps : int
        Steps in a row that have this sum, joined by a weight of 1.

    Returns
    -------
    h, slope, left : float
        tanh(z), its slope there, and what is left of a gradient of 1 after the steps.
    """
    h = torch.tensor(z).tanh()
    slope = 1 - h * h
    return h.item(), slope.item(), (slope**steps).item()


class TanhExplorer(_Explorer):
    """Move a weighted sum along tanh; see the slope vanish, and a gradient with it."""

    LIVE = (
        "Here a notebook shows two sliders: one moves the weighted sum along the curve, the other "
        "chooses over how many steps a gradient is carried back, and the slope is computed anew."
    )
    SEEN = (
        "Left, the curve of tanh with a point and its tangent. Right, what is left of a gradient "
        "after each step back, on a logarithmic axis, a falling line."
    )

    def __init__(self) -> None:
        self.z = ipywidgets.FloatSlider(1.0, min=-10, max=10, step=0.1, description="z")
        self.steps = ipywidgets.IntSlider(10, min=1, max=20, description="steps back")
        super().__init__([self.z, self.steps])

    def _look(self) -> tuple[str, Figure]:
        z, steps = self.z.value, self.steps.value
        h, slope, left = squeezed(z, steps)
        kept = [squeezed(z, k)[2] for k in range(steps + 1)]
        text = (
            f"h = {h:.7f}, slope <b>{slope:.2e}</b>; "
            f"after {steps} steps back <b>{left:.1e}</b> of a gradient is left"
        )
        return text, tanh_plots.point_on_tanh(z, h, slope, kept)


class TemperatureExplorer(_Explorer):
    """Choose temperature and top-k; see which characters are left to draw from.

    Parameters
    ----------
    scores : Tensor, shape (V,)
        What a model makes of one place in a text, before the softmax.
    alphabet : Alphabet
        Its alphabet.
    """

    LIVE = (
        "Here a notebook shows two sliders: with the temperature and the number of characters to "
        "choose from (top-k), the lower bars change at once."
    )
    SEEN = (
        "Two rows of bars over the ten likeliest characters: their probabilities at temperature 1, "
        "and as chosen."
    )

    def __init__(self, scores: Tensor, alphabet: Alphabet) -> None:
        self._scores, self._alphabet = scores.detach().cpu(), alphabet
        self.temperature = ipywidgets.FloatSlider(
            0.5, min=0.1, max=2.0, step=0.05, description="temperature"
        )
        size = len(alphabet)
        self.top_k = ipywidgets.IntSlider(size, min=1, max=size, description="top-k")
        super().__init__([self.temperature, self.top_k])

    def _look(self) -> tuple[str, Figure]:
        temperature, top_k = self.temperature.value, self.top_k.value
        p = sampling.distribution(self._scores, temperature=temperature, top_k=top_k)  # (V,)
        likeliest = self._scores.argsort(descending=True)[:10]
        rows = {
            "temperature 1": torch.softmax(self._scores, dim=-1)[likeliest].tolist(),
            f"temperature {temperature:.2f}, top-k {top_k}": p[likeliest].tolist(),
        }
        entropy = torch.special.entr(p).sum()
        text = f"as unsure as among <b>{entropy.exp():.1f}</b> equally likely characters"
        return text, plots.next_character(rows, self._alphabet.decode(likeliest))
