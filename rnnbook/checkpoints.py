"""Save and load trained models as single safetensors files that cannot run code.

One file holds the weights and, as JSON in its header, all that is needed to rebuild and use
the model. It is laid out so that a few lines in any language can read it:

- eight bytes: the header's length, a little-endian integer;
- the header, a JSON object: each tensor's name with its ``dtype`` (``F32``, ``F16``, ``I8``),
  ``shape`` and ``data_offsets``, and under ``__metadata__`` these strings:
  ``format`` (``rnnbook-1``), ``storage`` (``float32``, ``float16`` or ``int8``, explained in
  `rnnbook.packing`), ``model`` (the class in `rnnbook.models`, whose docstring has the equations:
  ``CharRNN``, also where there is no ``model``, ``HiddenFeedback`` or ``OutputFeedback``), and,
  each as JSON again, ``hyperparameters`` (the arguments of that class), ``alphabet`` (its
  characters in order) and ``facts`` (corpus, recipe, losses);
- the tensors' bytes, row by row, little-endian; the offsets count from here.

Tensors have the names of the class's own parameters. All classes end in ``head.weight`` (V, H) and
``head.bias``. What comes before is, in a ``CharRNN``, ``embedding.weight`` if it has one, and
``rnn.`` with the names of torch's layers; in a ``HiddenFeedback`` the same ``rnn.`` of one layer
(tanh or ReLU by its ``activation``), for "concat" with ``joint.weight`` W_c and ``joint.bias`` b_c;
in an ``OutputFeedback`` ``from_input.weight`` W_xh, ``from_input.bias`` b_h and
``from_output.weight`` W_oh.

A file that stands beside the record of its training, ``run.json``, is held against the SHA-256 that
the record names for it. A file on its own is taken as it is.
"""

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pooch
import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open

from rnnbook.models import CHAR_MODELS, CharModel
from rnnbook.packing import decode, encode
from rnnbook.recipe import Recipe
from rnnbook.text import Alphabet

PRETRAINED = Path(__file__).parent / "pretrained"
RECORD = "run.json"
FORMAT = "rnnbook-1"
UNTRAINED = "epoch-000"

Facts = Mapping[str, object]


class CheckpointError(RuntimeError):
    """A file of weights is missing, damaged, foreign or does not fit."""


@dataclass(frozen=True)
class Checkpoint:
    """A trained model and what its file says of it.

    Attributes
    ----------
    model : CharRNN, HiddenFeedback or OutputFeedback
        In evaluation mode.
    alphabet : Alphabet
        The characters it reads and writes.
    facts : mapping
        What `save` was told: corpus, recipe, losses.
    """

    model: CharModel
    alphabet: Alphabet
    facts: Facts


def save(
    path: Path, model: CharModel, alphabet: Alphabet, facts: Facts, storage: str = "float32"
) -> None:
    """Write a model to one file.

    Parameters
    ----------
    path : Path
        File to write, replaced only when the new one is complete.
    model : CharRNN, HiddenFeedback or OutputFeedback
        The model, on any device.
    alphabet : Alphabet
        Its alphabet.
    facts : mapping
        Anything JSON can hold: corpus name and hash, recipe, losses.
    storage : {"float32", "float16", "int8"}
        How to store the weights, as `rnnbook.packing` explains. They are float32 again when
        they are loaded.

    Raises
    ------
    CheckpointError
        If the file cannot be written, for instance in a folder that is read-only, or if a
        weight is not finite or too large for this storage.
    """
    if type(model) not in CHAR_MODELS.values():
        raise CheckpointError(
            f"cannot write {path}: {type(model).__name__} is none of {', '.join(CHAR_MODELS)}"
        )
    header = {
        "format": FORMAT,
        "storage": storage,
        "model": type(model).__name__,
        "hyperparameters": json.dumps(model.hyperparameters),
        "alphabet": json.dumps(alphabet.characters),
        "facts": json.dumps(facts, allow_nan=False),
    }
    try:
        tensors = encode(model.state_dict(), storage)
        with replacing(path) as unfinished:
            # Its own `save_file` makes files that nobody else may read, a web server included.
            unfinished.write_bytes(safetensors.torch.save(tensors, metadata=header))
    except (OSError, SafetensorError, ValueError) as error:
        raise CheckpointError(f"cannot write {path}: {error}") from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path to write to, and move what was written to `path` once it is complete.

    Folders that are missing are made. If writing fails, whatever was at `path` stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".unfinished-") as folder:
        unfinished = Path(folder) / path.name
        yield unfinished
        os.replace(unfinished, path)


def load(path: Path, device: torch.device | str = "cpu") -> Checkpoint:
    """Read a model back, with weights in float32 however they are stored.

    Parameters
    ----------
    path : Path
        A file that `save` wrote.
    device : torch.device or str
        Where to put the model, whatever device it was saved from.

    Raises
    ------
    CheckpointError
        If the file is missing, truncated, not of this format, holds other tensors than its
        header announces, or is not the file that the record beside it was written for. The
        message says which.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 not a dict
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
        alphabet = Alphabet(_parsed(header, "alphabet", str))
        hyperparameters = _parsed(header, "hyperparameters", dict)
        facts = _parsed(header, "facts", dict)
        storage = header["storage"]
        build = CHAR_MODELS[header.get("model", "CharRNN")]
        # A wrong header must not make this process build or allocate for long: every layer has
        # tensors in the file, and their shapes are compared on "meta".
        if hyperparameters.get("num_layers", 1) > len(tensors):
            raise ValueError("more layers than tensors")
        with torch.device("meta"):
            model = build(**hyperparameters)
    except (KeyError, TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise CheckpointError(f"{path} has a damaged header: {error!r}") from error
    if len(alphabet) != model.alphabet_size:
        raise CheckpointError(
            f"{path} has an alphabet of {len(alphabet)} characters for a model of "
            f"{model.alphabet_size}"
        )
    try:
        model.load_state_dict(decode(tensors, storage), assign=True)
    except (RuntimeError, ValueError) as error:
        raise CheckpointError(f"{path} does not hold the model it announces: {error}") from error
    # Last, because whatever is wrong in another way has a better explanation.
    _compare_with_record(path)
    return Checkpoint(model.to(device).eval(), alphabet, facts)


def hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every model file in a folder, for the record that stands there."""
    files = sorted(folder.glob("*.safetensors"))
    return {path.name: pooch.file_hash(str(path)) for path in files}


def _compare_with_record(path: Path) -> None:
    record = path.with_name(RECORD)
    if not record.is_file():
        return
    try:
        expected = json.loads(record.read_bytes()).get("sha256", {}).get(path.name)
    except (OSError, ValueError, AttributeError) as error:
        raise CheckpointError(
            f"{record}, the record of {path.name}, is damaged: {error!r}"
        ) from error
    if expected is None:
        return
    if (found := pooch.file_hash(str(path))) != expected:
        raise CheckpointError(
            f"{path} is not the file that {RECORD} was written for: SHA-256 expected {expected}, "
            f"found {found}; copy or train it again"
        )


def _parsed(header: Mapping[str, str], key: str, expected: type) -> object:
    value = json.loads(header[key])
    if not isinstance(value, expected):
        raise TypeError(f"{key} is {value!r}")
    return value


def pretrained(
    name: str, device: torch.device | str = "cpu", *, snapshot: str | None = None
) -> Checkpoint:
    """Load a model by name or by path.

    Parameters
    ----------
    name : str
        A model that comes with the package, a folder that ``python -m rnnbook train`` wrote,
        or a model file.
    device : torch.device or str
        Where to put it.
    snapshot : str, optional
        One of `snapshots`, a moment of the training: ``"epoch-010"``, say. ``"epoch-000"`` is
        the model before training, built again from its recipe and seed.

    Raises
    ------
    CheckpointError
        If there is no such model or snapshot; the message lists those there are.
    """
    path = find(name)
    if snapshot is None:
        return load(path, device)
    if snapshot == UNTRAINED:
        return _untrained(load(path), device)
    if snapshot not in (known := snapshots(name)):
        raise CheckpointError(f"{name} has no snapshot {snapshot!r}; it has {', '.join(known)}")
    return load(path.with_name(f"{snapshot}.safetensors"), device)


def snapshots(name: str) -> tuple[str, ...]:
    """Name the moments of a model's training that `pretrained` can show, in their order."""
    folder = find(name).parent
    stems = (path.stem for path in folder.glob("epoch-*.safetensors"))
    return (UNTRAINED, *sorted(stem for stem in stems if re.fullmatch(r"epoch-\d{3,}", stem)))


def _untrained(trained: Checkpoint, device: torch.device | str) -> Checkpoint:
    try:
        model = Recipe(**trained.facts["recipe"]).build(len(trained.alphabet))
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"the model's recipe is missing or damaged: {error!r}") from error
    if model.hyperparameters != trained.model.hyperparameters:
        raise CheckpointError(
            f"the recipe builds a model of {model.hyperparameters}, and the trained one has "
            f"{trained.model.hyperparameters}"
        )
    losses = {"loss_nats", "trained_loss_nats"}  # the trained model's, not this one's
    facts = {key: value for key, value in trained.facts.items() if key not in losses}
    return Checkpoint(model.to(device).eval(), trained.alphabet, facts)


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
