"""The command line: ``python -m rnnbook corpora | train | evaluate | sample | models | …``."""

import argparse
import dataclasses
import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm.auto import tqdm

import rnnbook
from rnnbook import (
    checkpoints,
    corpora,
    device,
    own_recipes,
    recipes,
    runs,
    sampling,
    training,
    tune_table,
    verse_table,
)
from rnnbook.corpora import Corpus
from rnnbook.forms import form_of, until_end, whole_prompt

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


def describe_row(row: Row) -> str:
    """Show a result in one line."""
    return "  ".join(f"{key}={value}" for key, value in row.items())


def describe_corpus(row: Row) -> str:
    """Say in one line what `corpora_command` found."""
    if "error" in row:
        # What happened; hashes, causes and remedies are for --json.
        plain = re.sub(r" \([^()]*\)", "", str(row["error"]))
        happened = re.split(r"[.:]\s", plain)[0].rstrip(".")
        return f"{row['name']:<17} not here: {happened}"
    return f"{row['name']:<17} {row['chars']:>11,} characters  {row['source']} ({row['licence']})"


def own_corpus(args: argparse.Namespace) -> Corpus | None:
    """Read the files that --text names, and report on standard error what was made of them."""
    if args.text is None:
        if args.encoding:
            raise ValueError("--encoding says how to read the files of --text, and there are none")
        return None
    corpus = corpora.from_files(*args.text, encoding=args.encoding)
    if training.is_main_process():
        print(*corpus.report, sep="\n", file=sys.stderr)
    return corpus


def train_command(args: argparse.Namespace) -> list[Row] | None:
    """Train a recipe, or a text of the reader's own, and leave model and record in one folder.

    Of several processes only the main one has something to print.
    """
    if (args.recipe is None) == (args.text is None):
        raise ValueError(f"train one of {', '.join(recipes.RECIPES)}, or a text: --text FILE")
    if args.text and args.preset:
        raise ValueError("--preset is for recipes; a text of your own gets one by its size")
    corpus = own_corpus(args)
    if corpus is None:
        preset = args.preset or "quick"
        recipe, name = recipes.get(args.recipe, preset), f"{args.recipe}-{preset}"
    else:
        recipe = own_recipes.for_text(len(corpus.text), corpus.name)
        name = re.sub(r"[^\w.-]+", "-", corpus.name)
    if args.seed is not None:
        recipe = dataclasses.replace(recipe, seed=args.seed)
    folder = args.out or Path("runs") / name
    corpus = corpus or corpora.load(recipe.corpus)
    record = runs.train(name, recipe, corpus, folder, resume=args.resume, snapshots=args.snapshots)
    if record is None:
        return None
    if record["stopped"] == "interrupted":
        print(f"rnnbook: interrupted; go on with --resume --out {folder}", file=sys.stderr)
    shown = ("name", "loss_nats", "baseline_nats", "chars_per_s", "stopped")
    return [{key: record[key] for key in shown} | {"path": str(folder / runs.MODEL)}]


def keep_command(args: argparse.Namespace) -> list[Row]:
    """Pack a finished run into the models that come with the package."""
    record = runs.keep(args.run_folder, args.name)
    shown = ("name", "storage", "bytes", "loss_nats", "trained_loss_nats", "baseline_nats")
    path = checkpoints.PRETRAINED / args.name
    return [{key: record[key] for key in shown} | {"path": str(path)}]


def evaluate_command(args: argparse.Namespace) -> list[Row]:
    """Measure a model again on the held-out part of the corpus it was trained on."""
    here = device.best_device()
    found = checkpoints.pretrained(args.name, here)
    tokens = runs.held_out(found.facts, found.alphabet, own_corpus(args))
    loss = training.evaluate(found.model, tokens.to(here))
    row = {"name": args.name, "chars": tokens[..., 1:].numel(), "loss_nats": round(loss, 4)}
    row["recorded_loss_nats"] = found.facts.get("loss_nats")
    row["baseline_nats"] = found.facts.get("baseline_nats")
    return [row]


def sample_command(args: argparse.Namespace) -> list[Row]:
    """Continue a prompt; without ``--json`` the text appears as it is drawn.

    A model of verse writes no further than to the end of the stanza, one of tunes to that of the
    tune.
    """
    found = checkpoints.pretrained(args.name)
    sampler = sampling.Sampler(found.model, found.alphabet)
    settings = {"temperature": args.temperature, "top_k": args.top_k, "top_p": args.top_p}
    form = form_of(found.facts.get("corpus"))
    prompt = whole_prompt(form, args.prompt)
    steps = sampler.stream(prompt, seed=args.seed, **settings)
    characters = (character for _, (character,) in zip(range(args.length), steps, strict=False))
    drawn = until_end(form, prompt, characters)
    shown = prompt.removeprefix(form.get("before", ""))
    if args.json:
        text = shown + "".join(drawn)
        return [{"name": args.name, "seed": args.seed, "text": text} | settings]
    first = next(drawn, "")  # wrong settings are reported before the prompt is repeated
    print(shown + first, end="", flush=True)
    for character in drawn:
        print(character, end="", flush=True)
    print()
    return []


def judge_command(args: argparse.Namespace) -> list[Row]:
    """Make the table of chapter 6 or 7 anew: real and written pieces by the same measures."""
    rows = verse_table.rows() if args.what == "verse" else tune_table.rows()
    return list(tqdm(rows, desc=f"judging {args.what}", unit="line"))


def models_command(args: argparse.Namespace) -> list[Row]:
    """List the models that come with the package and those trained into ``runs/``."""
    rows: list[Row] = []
    folders = [*checkpoints.PRETRAINED.glob("*"), *Path("runs").glob("*")]
    for path in sorted(folder / runs.MODEL for folder in folders):
        if not path.is_file():
            continue
        try:
            found = checkpoints.load(path)
        except checkpoints.CheckpointError as error:
            print(f"rnnbook: left out: {error}", file=sys.stderr)
            continue
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
    return rows


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(prog="python -m rnnbook", description=rnnbook.__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="print JSON on standard output")

    own_text = argparse.ArgumentParser(add_help=False)
    own_text.add_argument("--text", nargs="+", metavar="FILE", help="files of your own")
    own_text.add_argument("--encoding", help="theirs (default: found out, and shown)")

    def add(name: str, help_text: str, *more: argparse.ArgumentParser) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=help_text, parents=[shared, *more])
        command.set_defaults(run=globals()[f"{name}_command"])
        return command

    def numbers(text: str) -> tuple[int, ...]:
        return tuple(int(part) for part in text.split(","))

    command = add("corpora", "fetch and check the texts")
    command.add_argument("name", nargs="?", help="only this one")
    command = add("train", "train a recipe, or on a text of your own", own_text)
    command.add_argument("recipe", nargs="?", help=", ".join(recipes.RECIPES))
    command.add_argument("--preset", help="quick or full (default: quick)")
    command.add_argument("--out", type=Path, help="folder to write (default: runs/RECIPE-PRESET)")
    command.add_argument("--resume", action="store_true", help="go on with an unfinished run")
    command.add_argument("--seed", type=int, help="instead of the recipe's own")
    command.add_argument(
        "--snapshots", type=numbers, default=(), metavar="5,10", help="epochs to save as well"
    )
    command = add("evaluate", "measure a model on its held-out text", own_text)
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
    command = add("judge", "let models and counts write, and judge what they wrote")
    command.add_argument("what", choices=("verse", "tunes"), help="takes some minutes")
    command = add("keep", "pack a finished run into the models that come with the package")
    command.add_argument("run_folder", type=Path, help="what 'train' wrote")
    command.add_argument("name", help="what the model shall be called")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; errors are one line on standard error."""
    args = build_parser().parse_args(arguments)
    try:
        rows = args.run(args)
        if rows is None:
            return 0
        if args.json:
            print(json.dumps(rows if args.run is not evaluate_command else rows[0], indent=1))
        else:
            describe = describe_corpus if args.run is corpora_command else describe_row
            print(*map(describe, rows), sep="\n", end="\n" if rows else "")
        sys.stdout.flush()
        if any(row.get("stopped") == "interrupted" for row in rows):
            return 130
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
