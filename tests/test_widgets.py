"""The adder's widget: what it computes, what a slider changes, what stands in its place."""

import pytest
import torch

from rnnbook import by_hand, device, summation, widgets


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


def test_without_a_kernel_a_sentence_stands_in_the_widgets_place(arrays):
    bundle = widgets.AdderExplorer(arrays)._repr_mimebundle_()
    assert "sliders" in bundle["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in bundle
