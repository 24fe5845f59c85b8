"""Dropout drops the share it is told, at random, and leaves the mean as it was."""

import pytest
import torch

from rnnbook.dropout import Dropout, dropout

ONES = torch.ones(300, 333)


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_share_is_dropped_and_the_rest_scaled_up(p, dtype):
    torch.manual_seed(0)
    y = dropout(ONES.to(dtype), p)
    assert y.dtype == dtype
    assert (y == 0).float().mean().item() == pytest.approx(p, abs=0.005)
    assert y.float().mean().item() == pytest.approx(1, abs=0.03)
    assert y.unique().tolist() == [0, pytest.approx(1 / (1 - p), rel=0.004)]


def test_neighbours_fall_independently():
    torch.manual_seed(0)
    fallen = (dropout(ONES.flatten(), 0.3) == 0).float()
    for distance in range(1, 9):  # four numbers share one draw of 64 bits
        pair = torch.stack([fallen[:-distance], fallen[distance:]])
        assert torch.corrcoef(pair)[0, 1].abs() < 0.02


def test_the_same_seed_drops_the_same():
    first, again, other = ((torch.manual_seed(seed), dropout(ONES, 0.5))[1] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_gradients_pass_where_numbers_did():
    x = torch.ones(7, 9, requires_grad=True)
    y = dropout(x, 0.5)
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())
    assert 0 < (y == 0).sum() < y.numel()


@pytest.mark.parametrize(("p", "left"), [(0.0, 1.0), (1.0, 0.0), (1e-9, 1.0)])
def test_nothing_and_everything_can_be_dropped(p, left):
    assert (dropout(ONES, p) == left).all()


def test_the_layer_drops_in_training_only():
    layer = Dropout(0.5)
    assert (layer(ONES) == 0).any()
    assert layer.eval()(ONES) is ONES


def test_without_data_there_is_a_shape_still():
    assert dropout(torch.empty(2, 3, device="meta"), 0.5).shape == (2, 3)
