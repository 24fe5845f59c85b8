"""Save and load trained models as single safetensors files that cannot run code.

One file holds the weights and, as JSON in its header, all that is needed to rebuild and use
the model: its shape, its alphabet, what it was trained on, by which recipe and how well.
"""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from rnnbook.models import CharRNN
from rnnbook.text import Alphabet

PRETRAINED = Path(__file__).parent / "pretrained"
FORMAT = "rnnbook-1"

Facts = Mapping[str, object]


class CheckpointError(RuntimeError):
    """A file of weights is missing, damaged, foreign or does not fit."""


@dataclass(frozen=True)
class Checkpoint:
    """A trained model and what its file says of it.

    Attributes
    ----------
    model : CharRNN
        In evaluation mode.
    alphabet : Alphabet
        The characters it reads and writes.
    facts : mapping
        What `save` was told: corpus, recipe, losses.
    """

    model: CharRNN
    alphabet: Alphabet
    facts: Facts


def save(path: Path, model: CharRNN, alphabet: Alphabet, facts: Facts) -> None:
    """Write a model to one file.

    Parameters
    ----------
    path : Path
        File to write, replaced only when the new one is complete.
    model : CharRNN
        The model, on any device.
    alphabet : Alphabet
        Its alphabet.
    facts : mapping
        Anything JSON can hold: corpus name and hash, recipe, losses.

    Raises
    ------
    CheckpointError
        If the file cannot be written, for instance in a folder that is read-only.
    """
    header = {
        "format": FORMAT,
        "hyperparameters": json.dumps(model.hyperparameters),
        "alphabet": json.dumps(alphabet.characters),
        "facts": json.dumps(facts),
    }
    weights = {name: w.detach().cpu().contiguous() for name, w in model.state_dict().items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            unfinished = Path(folder) / path.name
            save_file(weights, unfinished, metadata=header)
            os.replace(unfinished, path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"cannot write {path}: {error}") from error


def load(path: Path, device: torch.device | str = "cpu") -> Checkpoint:
    """Read a model back.

    Parameters
    ----------
    path : Path
        A file that `save` wrote.
    device : torch.device or str
        Where to put the model, whatever device it was saved from.

    Raises
    ------
    CheckpointError
        If the file is missing, truncated, not of this format, or holds other tensors than
        its header announces. The message says which.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 not a dict
    except FileNotFoundError as error:
        raise CheckpointError(f"there is no file {path}") from error
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} is not a complete safetensors file ({error}); copy or train it again"
        ) from error
    if header.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} is not a model of this book: its format is {header.get('format')!r}, "
            f"expected {FORMAT!r}"
        )
    try:
        alphabet = Alphabet(json.loads(header["alphabet"]))
        # A wrong header must not make this process allocate: the shapes are compared on "meta".
        with torch.device("meta"):
            model = CharRNN(**json.loads(header["hyperparameters"]))
        facts = json.loads(header["facts"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path} has a damaged header: {error!r}") from error
    if len(alphabet) != model.alphabet_size:
        raise CheckpointError(
            f"{path} has an alphabet of {len(alphabet)} characters for a model of "
            f"{model.alphabet_size}"
        )
    try:
        model.load_state_dict(weights, assign=True)
    except RuntimeError as error:
        raise CheckpointError(f"{path} does not hold the model it announces: {error}") from error
    for name, tensor in weights.items():
        if tensor.dtype != torch.float32 or not tensor.isfinite().all():
            raise CheckpointError(f"{path}: {name} is not made of finite float32 numbers")
    return Checkpoint(model.to(device).eval(), alphabet, facts)


def pretrained(name: str, device: torch.device | str = "cpu") -> Checkpoint:
    """Load a model by name or by path.

    Parameters
    ----------
    name : str
        A model that comes with the package, a folder that ``python -m rnnbook train`` wrote,
        or a model file.
    device : torch.device or str
        Where to put it.

    Raises
    ------
    CheckpointError
        If there is no such model; the message lists those there are.
    """
    return load(find(name), device)


def find(name: str) -> Path:
    """Return the model file that `pretrained` would load."""
    for folder in (PRETRAINED / name, Path(name)):
        if (folder / "model.safetensors").is_file():
            return folder / "model.safetensors"
    if Path(name).is_file():
        return Path(name)
    known = sorted(folder.parent.name for folder in PRETRAINED.glob("*/model.safetensors"))
    raise CheckpointError(
        f"no model {name!r}: it is neither a file, nor a folder with a model.safetensors, nor "
        f"one that comes with the package ({', '.join(known) or 'none yet'}). "
        "Train one: python -m rnnbook train RECIPE"
    )
