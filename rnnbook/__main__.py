"""The command line: ``python -m rnnbook corpora | train | evaluate | sample | models``."""

import argparse
import dataclasses
import json
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch

import rnnbook
from rnnbook import checkpoints, corpora, device, ngram, recipes, sampling, training
from rnnbook.text import Alphabet, split_end

Row = dict[str, object]


def corpora_command(args: argparse.Namespace) -> list[Row]:
    """Load one corpus or all, fetching what is missing, and report each.

    A corpus that cannot be had fails the command when it was asked for by name; when all are
    asked for it is reported in its row.
    """
    rows: list[Row] = []
    for name in [args.name] if args.name else corpora.names():
        try:
            corpus = corpora.load(name)
        except corpora.CorpusUnavailable as error:
            if args.name:
                raise
            rows.append({"name": name, "error": str(error)})
            continue
        rows.append(
            {
                "name": name,
                "chars": len(corpus.text),
                "sha256": corpus.sha256,
                "source": corpus.source,
                "licence": corpus.licence,
            }
        )
    return rows


def train_command(args: argparse.Namespace) -> list[Row]:
    """Train a recipe, and write its model and its record into one folder."""
    recipe = recipes.get(args.recipe, args.preset)
    folder = args.out or Path("runs") / f"{args.recipe}-{args.preset}"
    path = folder / "model.safetensors"
    if path.exists():
        raise checkpoints.CheckpointError(f"{path} is there already; choose another --out")
    corpus = corpora.load(recipe.corpus)
    alphabet = Alphabet.of(corpus.text)
    split = split_end(alphabet.encode(corpus.text), recipe.held_out)
    counts = ngram.losses_by_order(split.train, split.held_out, len(alphabet))
    model = recipe.build(len(alphabet))
    # An hour of training must not end at a folder that cannot be written to.
    folder.mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=folder).close()

    history = training.fit(model, split, recipe)
    facts = {
        "corpus": corpus.name,
        "corpus_sha256": corpus.sha256,
        "recipe": dataclasses.asdict(recipe),
        "loss_nats": history.best_nats,
        "baseline_nats": min(counts.values()),
    }
    checkpoints.save(path, model, alphabet, facts)
    here = device.best_device()
    record = facts | {
        "name": args.recipe,
        "preset": args.preset,
        "rnnbook": rnnbook.__version__,
        "torch": torch.__version__,
        "processor": platform.processor() or platform.machine(),
        "device": here.type,
        "precision": str(device.best_dtype(here)).removeprefix("torch."),
        "parameters": sum(p.numel() for p in model.parameters()),
        "chars_per_s": round(history.characters[-1] / history.seconds),
        "ngram_nats": counts,
        "history": dataclasses.asdict(history),
    }
    (folder / "run.json").write_text(json.dumps(record, indent=1) + "\n")
    shown = ("name", "preset", "loss_nats", "baseline_nats", "chars_per_s")
    return [{key: record[key] for key in shown} | {"path": str(path), "stopped": history.stopped}]


def evaluate_command(args: argparse.Namespace) -> list[Row]:
    """Measure a model again on the held-out part of the corpus it was trained on."""
    found = checkpoints.pretrained(args.name, device.best_device())
    try:
        corpus = corpora.load(found.facts["corpus"])
        expected = found.facts["corpus_sha256"]
        fraction = found.facts["recipe"]["held_out"]
        recorded = found.facts["loss_nats"]
    except KeyError as error:
        raise checkpoints.CheckpointError(
            f"{args.name} does not say what it was trained on: {error} is missing"
        ) from error
    if corpus.sha256 != expected:
        raise checkpoints.CheckpointError(
            f"{args.name} was trained on {corpus.name} with SHA-256 {expected}, and this "
            f"version's {corpus.name} has {corpus.sha256}"
        )
    held_out = split_end(found.alphabet.encode(corpus.text), fraction).held_out
    loss = training.evaluate(found.model, held_out.to(device.best_device()))
    row = {"name": args.name, "chars": len(held_out) - 1, "loss_nats": round(loss, 4)}
    return [row | {"recorded_loss_nats": recorded}]


def sample_command(args: argparse.Namespace) -> list[Row]:
    """Continue a prompt; without ``--json`` the text appears as it is drawn."""
    found = checkpoints.pretrained(args.name)
    sampler = sampling.Sampler(found.model, found.alphabet)
    settings = {"temperature": args.temperature, "top_k": args.top_k, "top_p": args.top_p}
    steps = sampler.stream(args.prompt, seed=args.seed, **settings)
    drawn = (character for _, (character,) in zip(range(args.length), steps, strict=False))
    if args.json:
        text = args.prompt + "".join(drawn)
        return [{"name": args.name, "seed": args.seed, "text": text} | settings]
    first = next(drawn, "")  # wrong settings are reported before the prompt is repeated
    print(args.prompt + first, end="", flush=True)
    for character in drawn:
        print(character, end="", flush=True)
    print()
    return []


def models_command(args: argparse.Namespace) -> list[Row]:
    """List the models that come with the package and those trained into ``runs/``."""
    rows: list[Row] = []
    paths = [*checkpoints.PRETRAINED.glob("*/*.safetensors"), *Path("runs").glob("*/*.safetensors")]
    for path in sorted(paths):
        found = checkpoints.load(path)
        kept = path.is_relative_to(checkpoints.PRETRAINED)
        rows.append(
            {
                "name": path.parent.name if kept else str(path.parent),
                "corpus": found.facts.get("corpus"),
                "params": sum(p.numel() for p in found.model.parameters()),
                "bytes": path.stat().st_size,
                "loss_nats": found.facts.get("loss_nats"),
                "baseline_nats": found.facts.get("baseline_nats"),
            }
        )
    if not rows and not args.json:
        print("no trained models yet: python -m rnnbook train RECIPE")
    return rows


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(prog="python -m rnnbook", description=rnnbook.__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="print JSON on standard output")

    def add(name: str, help_text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=help_text, parents=[shared])
        command.set_defaults(run=globals()[f"{name}_command"])
        return command

    command = add("corpora", "fetch and check the texts")
    command.add_argument("name", nargs="?", help="only this one")
    command = add("train", "train a recipe")
    command.add_argument("recipe", help=", ".join(recipes.RECIPES))
    command.add_argument("--preset", default="quick", help="quick or full (default: quick)")
    command.add_argument("--out", type=Path, help="folder to write (default: runs/RECIPE-PRESET)")
    command = add("evaluate", "measure a model on its held-out text")
    command.add_argument("name", help="a name from 'models', a folder or a file")
    command = add("sample", "let a model write")
    command.add_argument("name", help="a name from 'models', a folder or a file")
    command.add_argument("--prompt", default="\n", help="text to go on from (default: a line end)")
    command.add_argument("--length", type=int, default=500, help="characters (default: 500)")
    command.add_argument("--temperature", type=float, default=0.8, help="default: 0.8")
    command.add_argument("--top-k", type=int, help="keep the K most likely characters")
    command.add_argument("--top-p", type=float, help="keep the likeliest up to this probability")
    command.add_argument("--seed", type=int, default=0, help="default: 0")
    add("models", "list trained models")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; errors are one line on standard error."""
    args = build_parser().parse_args(arguments)
    try:
        rows = args.run(args)
        if args.json:
            print(json.dumps(rows if args.run is not evaluate_command else rows[0], indent=1))
        else:
            for row in rows:
                print("  ".join(f"{key}={value}" for key, value in row.items()))
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of the pipe has seen enough; Python must not complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (ValueError, RuntimeError, ArithmeticError, OSError, recipes.UnknownRecipe) as error:
        print(f"rnnbook: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("rnnbook: stopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
