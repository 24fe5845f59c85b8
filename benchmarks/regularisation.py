"""What keeps a network from learning a short poem by heart: the comparison of chapter 6.

Trains *Martín Fierro* with one kind of regularisation after another, until the held-out cantos say
stop, and keeps a line for each in ``rnnbook/pretrained/martin_fierro/regularisation.json``::

    python benchmarks/regularisation.py
    python benchmarks/regularisation.py --only "nothing" "dropout of outputs" --json

Allow an hour on two cores, and let nothing else run. Lines that are there are replaced.
"""

import argparse
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import torch

from rnnbook import corpora, device, recipes, records, runs, training
from rnnbook.checkpoints import PRETRAINED, replacing
from rnnbook.recipe import Recipe
from rnnbook.text import Alphabet

FILE = PRETRAINED / "martin_fierro" / "regularisation.json"
# One layer of 384 units with nothing against overfitting, at a constant step size.
BASE = Recipe(
    corpus="martin_fierro",
    characters=5_000_000,
    held_out=recipes.HELD_OUT_CANTOS,
    hidden_size=384,
    batch_size=16,
    unroll=64,
    evaluations=40,
    schedule="constant",
    patience=6,
)
VARIANTS: dict[str, dict[str, float | int | str]] = {
    "nothing": {},
    "a falling learning rate": {"schedule": "cosine"},
    "weight decay": {"weight_decay": 0.3},
    "dropout of inputs": {"input_dropout": 0.3},
    "dropout of outputs": {"dropout": 0.5},
    "dropout of recurrent weights": {"weight_dropout": 0.5},
    "averaged weights": {"averaging": 0.99},
    "all of them": {
        "schedule": "cosine",
        "weight_decay": 0.3,
        "input_dropout": 0.3,
        "dropout": 0.5,
        "weight_dropout": 0.5,
        "averaging": 0.99,
    },
}
BOTH = {"dropout": 0.3, "weight_dropout": 0.5}
VARIANTS |= {
    "outputs and recurrent weights": BOTH,
    "… with 192 units": BOTH | {"hidden_size": 192},
    "… with 768 units": BOTH | {"hidden_size": 768},
    "… with updates of 8 × 32": BOTH | {"batch_size": 8, "unroll": 32},
}


class Line(TypedDict):
    """One run: what was changed, the best held-out loss, and where it stood then."""

    what: str
    changes: dict[str, float | int | str]
    parameters: int
    loss_nats: float
    train_nats: float
    characters: int
    seconds: float
    processor: str
    precision: str


def measure(what: str) -> Line:
    """Train one variant."""
    recipe = dataclasses.replace(BASE, **VARIANTS[what])
    text = corpora.load(recipe.corpus).text
    alphabet = Alphabet.of(text)
    split = runs.split_by(dataclasses.asdict(recipe), alphabet.encode(text))
    model = recipe.build(len(alphabet))
    history = training.fit(model, split, recipe)
    best = history.held_out_nats.index(history.best_nats)
    here = device.best_device()
    return Line(
        what=what,
        changes=VARIANTS[what],
        parameters=sum(p.numel() for p in model.parameters()),
        loss_nats=round(history.best_nats, 4),
        train_nats=round(history.train_nats[best], 4),
        characters=history.characters[best],
        seconds=round(history.seconds[-1], 1),
        processor=records.processor(torch.device(here)),
        precision=str(device.best_dtype(here)).removeprefix("torch."),
    )


def keep(line: Line, path: Path) -> None:
    """Put a line in its place among those that are kept."""
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    lines = {other["what"]: other for other in kept} | {line["what"]: line}
    ordered = [lines[what] for what in VARIANTS if what in lines]
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as unfinished:
        unfinished.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Train every variant asked for, and keep each as soon as it is done."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--file", type=Path, default=FILE, help="where to keep the lines")
    parser.add_argument("--json", action="store_true", help="print the lines as JSON")
    args = parser.parse_args(arguments)
    lines = []
    for what in args.only:
        line = measure(what)
        keep(line, args.file)
        lines.append(line)
        if not args.json:
            print(f"{what:32}{line['loss_nats']:.3f} nats/char, training {line['train_nats']:.3f}")
    if args.json:
        print(json.dumps(lines, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
