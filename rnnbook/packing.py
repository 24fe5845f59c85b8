"""Weights as they are stored: as they are, in half precision, or as rows of 8-bit integers.

This module turns named tensors into other named tensors and back. It knows nothing of files.

``float32``, ``float16``
    Every tensor under its own name, in that type.
``int8``
    Every tensor of two dimensions as int8 under its own name, and beside it, under the name
    with ``.scale`` added, one float32 a row: weight[r, c] = integer[r, c] · scale[r]. A row
    holds what one unit or one character weighs, and its largest weight becomes ±127. All other
    tensors, the biases, are float32: they are a hundredth of the model, every step adds them,
    and a reader without half precision (a web page, say) can use them as they are.
"""

import copy
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from rnnbook.models import CharModel

STORAGES = ("float32", "float16", "int8")
# int8 is kept unless it moves the held-out loss by this much, in nats per character.
TOLERANCE = 0.005

Tensors = Mapping[str, Tensor]


class Choice(NamedTuple):
    """A storage, and the losses of a model before and after being stored in it."""

    storage: str
    trained_loss_nats: float
    loss_nats: float


def encode(weights: Tensors, storage: str) -> dict[str, Tensor]:
    """Turn weights into the tensors to store.

    Parameters
    ----------
    weights : mapping of str to Tensor
        A model's ``state_dict``, on any device.
    storage : {"float32", "float16", "int8"}
        How to store them.

    Returns
    -------
    dict
        Contiguous tensors on the CPU.

    Raises
    ------
    ValueError
        For another storage, or if a weight is not finite, or beyond what float16 can hold.
    """
    _check(storage)
    stored: dict[str, Tensor] = {}
    for name, weight in weights.items():
        weight = weight.detach().cpu().float().contiguous()
        if storage == "float16":
            weight = weight.half()
        if not weight.isfinite().all():
            raise ValueError(f"{name} has weights that are not finite in {storage}")
        if storage == "int8" and weight.dim() == 2:
            scale = weight.abs().amax(dim=1) / 127  # (rows,)
            # A row of zeros needs a scale too, and a scale must be above zero.
            scale = scale.clamp(min=torch.finfo(torch.float32).tiny)
            stored[f"{name}.scale"] = scale
            weight = (weight / scale[:, None]).round().clamp(-127, 127).to(torch.int8)
        stored[name] = weight
    return stored


def decode(stored: Tensors, storage: str) -> dict[str, Tensor]:
    """Turn stored tensors back into weights.

    Parameters
    ----------
    stored : mapping of str to Tensor
        What `encode` returned, or what a file of unknown origin holds.
    storage : {"float32", "float16", "int8"}
        How the weights are stored.

    Returns
    -------
    dict
        Finite float32 tensors.

    Raises
    ------
    ValueError
        For another storage, or if a tensor has the wrong type, a scale is missing, does not
        fit its rows or is not a positive number, or a weight is not finite. The message names
        the tensor.
    """
    _check(storage)
    scales = {f"{name}.scale" for name, tensor in stored.items() if tensor.dtype == torch.int8}
    weights: dict[str, Tensor] = {}
    for name, tensor in stored.items():
        if name in scales:
            continue
        integers = storage == "int8" and tensor.dim() == 2
        expected = "int8" if integers else storage.replace("int8", "float32")
        if tensor.dtype != getattr(torch, expected):
            found = str(tensor.dtype).removeprefix("torch.")
            raise ValueError(f"{name} is {found}, expected {expected}")
        weight = tensor.float()
        if integers:
            weight *= _scale(stored, name, len(tensor))[:, None]
        if not weight.isfinite().all():
            raise ValueError(f"{name} is not made of finite numbers")
        weights[name] = weight
    return weights


def rounded(model: CharModel, storage: str) -> CharModel:
    """Return a copy of a model with the weights it would have after being stored and loaded."""
    model = copy.deepcopy(model)
    model.load_state_dict(decode(encode(model.state_dict(), storage), storage))
    return model


def choose(model: CharModel, measure: Callable[[CharModel], float]) -> Choice:
    """Find the smallest storage that leaves a model as good as it is.

    Parameters
    ----------
    model : CharModel
        A trained model.
    measure : callable
        Returns a model's loss, in nats per character.

    Returns
    -------
    Choice
        int8, or float16 if int8 moves the loss by `TOLERANCE` or more.
    """
    before = measure(model)
    after = measure(rounded(model, "int8"))
    if abs(after - before) < TOLERANCE:
        return Choice("int8", before, after)
    return Choice("float16", before, measure(rounded(model, "float16")))


def _scale(stored: Tensors, name: str, rows: int) -> Tensor:
    scale = stored.get(f"{name}.scale")
    if scale is None:
        raise ValueError(f"{name}.scale is missing")
    if scale.dtype != torch.float32 or scale.shape != (rows,):
        raise ValueError(f"{name}.scale is not one float32 for each of {rows} rows")
    if not (scale.isfinite() & (scale > 0)).all():
        raise ValueError(f"{name}.scale is not made of positive numbers")
    return scale


def _check(storage: str) -> None:
    if storage not in STORAGES:
        raise ValueError(f"storage {storage!r} is none of {', '.join(STORAGES)}")
