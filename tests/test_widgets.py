"""Teaching widgets: what they compute, what a control changes, what stands in their place."""

import base64
import math
from html.parser import HTMLParser

import ipywidgets
import pytest
import torch

from rnnbook import by_hand, device, summation, widgets
from rnnbook.text import Alphabet


@pytest.fixture(scope="module")
def arrays():
    return summation.arrays(40, device.seed(3))


def test_surface_is_the_mean_error_of_the_unit_at_every_grid_point(arrays):
    w_x, w_h = torch.tensor([-0.5, 1.0, 2.0]), torch.tensor([0.25, 1.0])
    errors = widgets.surface(arrays, w_x, w_h, b=0.5)
    assert errors.shape == (2, 3)
    for row, recurrent in enumerate(w_h.tolist()):
        for column, weight in enumerate(w_x.tolist()):
            unit = (weight, recurrent, 0.5)
            outputs = [by_hand.outputs(unit, a.tolist(), "identity")[-1] for a in arrays]
            wrong = [abs(h - float(a.sum())) for h, a in zip(outputs, arrays, strict=True)]
            assert errors[row, column].item() == pytest.approx(sum(wrong) / len(wrong))


def test_surface_is_zero_where_the_unit_adds_exactly(arrays):
    one = torch.ones(1)
    assert widgets.surface(arrays, one, one, b=0.0).item() == 0


def test_verdict_says_the_error_and_the_first_sum():
    text = widgets.verdict([torch.tensor([3, 9, 4])], (1.0, 1.0, 0.5))
    assert "3 + 9 + 4 = 16" in text
    assert "<b>17.50</b>" in text
    assert "<b>1.500</b>" in text


def test_a_slider_changes_the_picture_and_the_text(arrays):
    explorer = widgets.AdderExplorer(arrays, (0.5, 0.5, 0.0))
    picture, text = bytes(explorer.image.value), explorer.text.value
    assert picture.startswith(b"\x89PNG")
    explorer.sliders[2].value = 1.5
    assert bytes(explorer.image.value) != picture
    assert explorer.text.value != text


def test_the_exact_adder_is_within_reach_of_the_sliders(arrays):
    explorer = widgets.AdderExplorer(arrays)
    for slider, value in zip(explorer.sliders, (1.0, 1.0, 0.0), strict=True):
        slider.value = value
    assert "mean absolute error <b>0.000</b>" in explorer.text.value


class Picture(HTMLParser):
    """The image of a piece of HTML, and its words."""

    def __init__(self, markup):
        super().__init__()
        self.images, self.words = [], ""
        self.feed(markup)

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.images.append(dict(attrs))

    def handle_data(self, data):
        self.words += data


def explorers(arrays):
    yield widgets.AdderExplorer(arrays)
    yield widgets.GradientExplorer()
    yield widgets.TanhExplorer()
    yield widgets.TemperatureExplorer(torch.linspace(-2, 3, 12), Alphabet("abcdefghijkl"))


def test_without_a_kernel_a_picture_stands_in_each_widgets_place(arrays):
    # Older ones, as Colab has them, show a live widget only.
    pytest.importorskip("ipywidgets", minversion="8")
    for explorer in explorers(arrays):
        bundle = explorer._repr_mimebundle_()
        assert "application/vnd.jupyter.widget-view+json" in bundle
        still = Picture(bundle["text/html"])
        (image,) = still.images
        kind, _, data = image["src"].partition(",")
        assert kind == "data:image/png;base64"
        assert base64.b64decode(data) == bytes(explorer.image.value)
        assert image["alt"] == explorer.SEEN
        assert still.words == explorer.LIVE
        assert "slider" in still.words


def test_every_control_of_every_widget_changes_the_picture(arrays):
    for explorer in explorers(arrays):
        *controls, _, _ = explorer.children
        for control in controls:
            picture, text = bytes(explorer.image.value), explorer.text.value
            if isinstance(control, ipywidgets.Dropdown):
                control.value = control.options[-1]
            else:
                control.value = control.min + 0.6 * (control.max - control.min)
            assert bytes(explorer.image.value) != picture
            assert explorer.text.value != text


def test_a_saturated_tanh_lets_nothing_back():
    h, slope, left = widgets.squeezed(0.0, 5)
    assert (h, slope, left) == (0, 1, 1)
    h, slope, left = widgets.squeezed(1.0, 2)
    assert left == pytest.approx((1 - math.tanh(1) ** 2) ** 2)
    assert widgets.squeezed(10.0, 1) == (1, 0, 0)  # float32 rounds 1 − h² to nothing


def test_temperature_and_top_k_decide_how_many_characters_are_left():
    explorer = widgets.TemperatureExplorer(torch.zeros(8), Alphabet("abcdefgh"))
    assert "<b>8.0</b> equally likely" in explorer.text.value
    explorer.top_k.value = 2
    assert "<b>2.0</b> equally likely" in explorer.text.value
