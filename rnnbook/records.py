"""The record of a training run, ``run.json``: what was done, on what, and how well it went.

A record says enough to repeat its run and to plot it. It stands beside the weights, or alone
where they were not kept. This module writes and reads it; it neither trains nor measures.
"""

import dataclasses
import json
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NotRequired, TypedDict

import torch
from accelerate import PartialState

import rnnbook
from rnnbook import checkpoints
from rnnbook.checkpoints import RECORD, CheckpointError, Facts
from rnnbook.device import best_device, best_dtype
from rnnbook.models import CharModel
from rnnbook.ngram import NGram
from rnnbook.text import Split
from rnnbook.training import History


class Counted(TypedDict):
    """A table of counts: its order, its loss on the held-out text, and the numbers it stores."""

    order: int
    loss_nats: float
    parameters: int


class Measured(TypedDict):
    """What a run measured, one entry an evaluation; `epochs` are readings of the training text."""

    characters: list[int]
    epochs: list[float]
    seconds: list[float]
    train_nats: list[float]
    held_out_nats: list[float]


class Stored(TypedDict):
    """A model file that was packed to be kept: how, its size, its loss before and after."""

    storage: str
    bytes: int
    loss_nats: float
    trained_loss_nats: float


class Record(TypedDict):
    """The fields of ``run.json``.

    `loss_nats` is measured from the weights as they are stored beside the record, and
    `baseline_nats` is the best of `ngrams`. `sha256` has the hash of every model file there, by
    the file's name. Only models kept with the package have the last fields, of `Stored`; their
    `snapshots` are by name.
    """

    name: str
    corpus: str
    corpus_sha256: str
    recipe: dict[str, object]
    seed: int
    parameters: int
    loss_nats: float
    baseline_nats: float
    ngrams: list[Counted]
    history: Measured
    stopped: str
    seconds: float
    chars_per_s: int
    rnnbook: str
    torch: str
    python: str
    processor: str
    device: str
    precision: str
    processes: int
    threads: int
    sha256: NotRequired[dict[str, str]]
    storage: NotRequired[str]
    bytes: NotRequired[int]
    trained_loss_nats: NotRequired[float]
    snapshots: NotRequired[dict[str, Stored]]


def count(split: Split, alphabet_size: int, orders: int = 8) -> list[Counted]:
    """Score count tables of every order from 1 to `orders` on the held-out text.

    Parameters
    ----------
    split : Split
        The text to count and the text to score.
    alphabet_size : int
        Number of symbols V.
    orders : int
        The highest order.

    Returns
    -------
    list of Counted
    """
    table = NGram(split.train, orders, alphabet_size)
    texts = split.held_out if split.held_out.dim() == 2 else [split.held_out]
    losses = sum(table.losses(text).mean(axis=1) for text in texts) / len(texts)  # (orders,)
    return [
        Counted(order=n, loss_nats=float(loss), parameters=table.truncated(n).parameters)
        for n, loss in enumerate(losses, start=1)
    ]


def build(
    name: str, facts: Facts, model: CharModel, split: Split, history: History, ngrams: list[Counted]
) -> Record:
    """Put together the record of a run that ended on this machine just now.

    Parameters
    ----------
    name : str
        What the run is called.
    facts : mapping
        What the model file says: corpus, corpus_sha256, recipe, loss_nats, baseline_nats.
    model : CharModel
        The model.
    split : Split
        What it was trained and measured on.
    history : History
        What `training.fit` returned.
    ngrams : list of Counted
        The baselines, from `count`.
    """
    here = best_device()
    measured = {key: v for key, v in dataclasses.asdict(history).items() if isinstance(v, list)}
    measured["epochs"] = [seen / len(split.train) for seen in history.characters]
    return Record(
        name=name,
        **facts,
        seed=facts["recipe"]["seed"],
        parameters=sum(p.numel() for p in model.parameters()),
        ngrams=ngrams,
        history=Measured(**measured),
        stopped=history.stopped,
        seconds=history.seconds[-1],
        chars_per_s=round(history.characters[-1] / history.seconds[-1]),
        rnnbook=rnnbook.__version__,
        torch=torch.__version__,
        python=platform.python_version(),
        processor=processor(here),
        device=here.type,
        precision=str(best_dtype(here)).removeprefix("torch."),
        processes=PartialState().num_processes,
        threads=torch.get_num_threads(),
    )


def processor(device: torch.device) -> str:
    """Name the model of what computes on `device`: the graphics card's, or the processor's."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        described = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:  # only Linux has this file
        described = ""
    found = re.search(r"^model name\s*: (.+)", described, flags=re.MULTILINE)
    return found[1].strip() if found else platform.processor() or platform.machine()


def write(path: Path, record: Mapping[str, object]) -> None:
    """Write a record, replacing what is at `path` only when the new one is complete.

    Raises
    ------
    CheckpointError
        If it cannot be written.
    """
    text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    try:
        with checkpoints.replacing(path) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CheckpointError(f"cannot write {path}: {error}") from error


def load(name: str) -> Record:
    """Read a record by name or by path.

    Parameters
    ----------
    name : str
        A model that comes with the package, a run's folder, or a record's file.

    Raises
    ------
    CheckpointError
        If there is no such record, or it lacks a field.
    """
    folders = (checkpoints.PRETRAINED / name / RECORD, Path(name) / RECORD, Path(name))
    path = next((path for path in folders if path.is_file()), None)
    if path is None:
        known = sorted(path.parent.name for path in checkpoints.PRETRAINED.glob(f"*/{RECORD}"))
        raise CheckpointError(
            f"no record {name!r}: it is neither a file, nor a folder with a {RECORD}, nor one "
            f"that comes with the package ({', '.join(known) or 'none yet'})"
        )
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} is not a record: {error}") from error
    if not isinstance(record, dict) or not Record.__required_keys__ <= record.keys():
        missing = Record.__required_keys__ - set(record if isinstance(record, dict) else ())
        raise CheckpointError(f"{path} is not a record: it lacks {', '.join(sorted(missing))}")
    return record
