"""A training run in a folder, from its first step to the model that is kept with the package.

While it trains, the folder holds ``state.pt``; when it has ended, ``model.safetensors`` and its
record ``run.json``. An interrupted run has all three and can go on.
"""

import dataclasses
import re
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

import torch

from rnnbook import checkpoints, corpora, packing, records, training
from rnnbook.checkpoints import CheckpointError, Facts
from rnnbook.corpora import Corpus
from rnnbook.device import best_device
from rnnbook.models import CharModel
from rnnbook.recipe import Recipe
from rnnbook.records import Record, Stored
from rnnbook.text import Alphabet, Split, split_chunks, split_end, split_middle

MODEL = "model.safetensors"
STATE = "state.pt"
MAX_BYTES = 12 * 2**20  # of one kept file: it stays in the repository's history for ever


class RunError(RuntimeError):
    """A run cannot begin, go on or be kept as it is; the message says what to do."""


def train(
    name: str,
    recipe: Recipe,
    corpus: Corpus,
    folder: Path,
    *,
    resume: bool = False,
    snapshots: Collection[int] = (),
) -> Record | None:
    """Train a recipe and leave its model and its record in a folder.

    Parameters
    ----------
    name : str
        What the record calls the run.
    recipe : Recipe
        How to train.
    corpus : Corpus
        The text.
    folder : Path
        Where to write; made if it is missing.
    resume : bool
        Whether to go on with the run in the folder.
    snapshots : collection of int
        Epochs after which to save the model as it is then, as ``epoch-005.safetensors``.

    Returns
    -------
    Record or None
        What was written. None in a process that is not the main one, and writes nothing.

    Raises
    ------
    RunError
        Before the first step: if the folder holds a run and `resume` is not asked for, or none
        and it is, or if it cannot be written to.
    """
    main = training.is_main_process()
    if main:
        check(folder, resume=resume)
    alphabet = Alphabet.of(corpus.text)
    split = split_by(dataclasses.asdict(recipe), alphabet.encode(corpus.text))
    ngrams = records.count(split, len(alphabet)) if main else []
    model = recipe.build(len(alphabet))
    facts = {
        "corpus": corpus.name,
        "corpus_sha256": corpus.sha256,
        "recipe": dataclasses.asdict(recipe),
        "baseline_nats": min((table["loss_nats"] for table in ngrams), default=None),
    }

    def after_epoch(epoch: int) -> None:
        if main and epoch in snapshots:
            path = folder / f"epoch-{epoch:03}.safetensors"
            loss = training.evaluate(model, split.held_out.to(model.head.weight.device))
            checkpoints.save(path, model, alphabet, facts | {"loss_nats": loss})

    history = training.fit(model, split, recipe, state=folder / STATE, after_epoch=after_epoch)
    if not main:
        return None
    facts["loss_nats"] = history.best_nats
    record = records.build(name, facts, model, split, history, ngrams)
    # The record of an interrupted run speaks of other weights.
    (folder / checkpoints.RECORD).unlink(missing_ok=True)
    checkpoints.save(folder / MODEL, model, alphabet, facts)
    record["sha256"] = checkpoints.hashes(folder)
    records.write(folder / checkpoints.RECORD, record)
    if history.stopped != "interrupted":
        (folder / STATE).unlink(missing_ok=True)
    return record


def check(folder: Path, *, resume: bool) -> None:
    """Raise RunError if a run cannot begin, or go on, in this folder; make it if it is missing."""
    ended = [file for file in (MODEL, checkpoints.RECORD) if (folder / file).exists()]
    if resume and not (folder / STATE).exists():
        what = "the run there is finished" if ended else f"there is no {STATE}"
        raise RunError(f"nothing to resume in {folder}: {what}")
    if not resume and (folder / STATE).exists():
        raise RunError(
            f"{folder} holds an unfinished run; go on with it (--resume) or choose another --out"
        )
    if not resume and ended:
        raise RunError(f"{folder / ended[0]} is there already; choose another --out")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(2**16))
    except OSError as error:
        raise RunError(f"cannot write to {folder} ({error}); choose another --out") from error


def split_by(recipe: Mapping[str, object], tokens: torch.Tensor) -> Split:
    """Split a text as a recipe, or the recipe in a record, says.

    Raises
    ------
    CheckpointError
        If this version does not know the split.
    """
    kind = recipe.get("split", "end")
    if kind == "end":
        return split_end(tokens, recipe["held_out"])
    if kind == "middle":
        return split_middle(tokens, recipe["held_out"], recipe["held_out_start"])
    if kind == "chunks":
        shape = recipe["batch_size"], recipe["unroll"], recipe["seed"]
        return split_chunks(tokens, recipe["held_out"], *shape)
    raise CheckpointError(f"this version of rnnbook cannot split a text by {kind!r}")


def held_out(facts: Facts, alphabet: Alphabet, corpus: Corpus | None = None) -> torch.Tensor:
    """Return the held-out text that a model's recorded loss was measured on.

    Parameters
    ----------
    facts : mapping
        What the model's file says of it.
    alphabet : Alphabet
        The model's alphabet.
    corpus : Corpus, optional
        The text it was trained on, needed if that is not one of the book's.

    Returns
    -------
    Tensor of int64, shape (n,) or (rows, length)

    Raises
    ------
    CheckpointError
        If the model does not say what it was trained on, or the text is not that text.
    """
    try:
        name, expected, recipe = facts["corpus"], facts["corpus_sha256"], facts["recipe"]
        if corpus is None and name not in corpora.REGISTRY:
            raise CheckpointError(
                f"the model was trained on a text of your own, {name}; name its files again: --text"
            )
        corpus = corpus or corpora.load(name)
        if corpus.sha256 != expected:
            raise CheckpointError(
                f"the model was trained on {name} with SHA-256 {expected}, and {corpus.name} has "
                f"{corpus.sha256} here"
            )
        return split_by(recipe, alphabet.encode(corpus.text)).held_out
    except (KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"the model does not say what it was trained on: {error!r}"
        ) from error


def keep(folder: Path, name: str) -> Record:
    """Pack a finished run, its snapshots included, into the models that come with the package.

    Parameters
    ----------
    folder : Path
        A finished run on one of the book's texts.
    name : str
        What the model shall be called: small letters, digits and underscores.

    Returns
    -------
    Record
        The run's record, with the losses and sizes of what was stored.

    Raises
    ------
    RunError
        If the run is not finished, the name is taken, or a file would be larger than 12 MiB.
    """
    target = checkpoints.PRETRAINED / name
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise RunError(f"{name!r} is no name for a model: use small letters, digits and _")
    if target.exists():
        raise RunError(f"{target} is there already; choose another name, or delete it first")
    record = records.load(str(folder))
    if (folder / STATE).exists():
        raise RunError(f"the run in {folder} is not finished; go on with it first (--resume)")
    with checkpoints.replacing(target) as packed:
        files = {path.stem: path for path in sorted(folder.glob("epoch-*.safetensors"))}
        files["model"] = folder / MODEL
        stored = {stem: _pack(path, packed / path.name) for stem, path in files.items()}
        model = stored.pop("model")
        stored_as = {**model, "snapshots": stored, "sha256": checkpoints.hashes(packed)}
        record = Record(**{**record, "name": name, **stored_as})
        records.write(packed / checkpoints.RECORD, record)
    return record


def _pack(source: Path, target: Path) -> Stored:
    found = checkpoints.load(source, best_device())
    tokens = held_out(found.facts, found.alphabet).to(best_device())

    def measure(model: CharModel) -> float:
        return training.evaluate(model, tokens)

    choice = packing.choose(found.model, measure)
    facts = {**found.facts, **choice._asdict()}
    checkpoints.save(target, found.model, found.alphabet, facts, choice.storage)
    size = target.stat().st_size
    if size > MAX_BYTES:
        raise RunError(
            f"{source} takes {size / 2**20:.1f} MiB as {choice.storage}, and a kept file may "
            f"have {MAX_BYTES / 2**20:.0f}"
        )
    return Stored(**choice._asdict(), bytes=size)
