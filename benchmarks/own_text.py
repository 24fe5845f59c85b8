"""What to expect from a text of your own, by its size: the table on that page of the book.

Takes the first 10 kB, 100 kB and 1 MB of the plays, then all of them, as files of a reader's own,
trains each with ``python -m rnnbook train --text``, lets the model write, and keeps the figures in
``book/own_text_runs.json`` and the table made from them in ``book/own_text_runs.md``::

    python benchmarks/own_text.py
    python benchmarks/own_text.py --sizes 10000 --json

Allow an hour on two cores, and let nothing else run.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from rnnbook import corpora

sys.path.append(str(Path(__file__).resolve().parent.parent))
from benchmarks import kept

BOOK = Path(__file__).resolve().parent.parent / "book"
NAME = "own_text_runs"
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)  # all the plays have not quite half of the last


class Row(TypedDict):
    """One text: its size, what was trained on it, how long, how well, and what it writes."""

    characters: int
    hidden_size: int
    parameters: int
    readings: float
    stopped: str
    seconds: int
    loss_nats: float
    best_order: int
    best_order_nats: float
    unigram_nats: float
    processor: str
    threads: int
    precision: str
    torch: str
    sample: str


def command(*arguments: str) -> str:
    """Run one command of the package; its progress shows on standard error."""
    full = [sys.executable, "-m", "rnnbook", *arguments]
    return subprocess.run(full, check=True, stdout=subprocess.PIPE, text=True).stdout


def measure(characters: int) -> Row:
    """Train on the first characters of the plays as a reader would, and ask for a sample."""
    text = corpora.load("plays", limit=characters).text
    with tempfile.TemporaryDirectory() as folder:
        file, out = Path(folder, f"plays-{len(text)}.txt"), Path(folder, "run")
        file.write_text(text, encoding="utf-8")
        started = time.perf_counter()
        command("train", "--text", str(file), "--out", str(out))
        seconds = time.perf_counter() - started
        record = json.loads((out / "run.json").read_text(encoding="utf-8"))
        drawn = command("sample", str(out), "--prompt", "\n\n", "--length", "300", "--json")
    best = min(record["ngrams"], key=lambda table: table["loss_nats"])
    return Row(
        characters=len(text),
        hidden_size=record["recipe"]["hidden_size"],
        parameters=record["parameters"],
        readings=round(record["history"]["epochs"][-1], 1),
        stopped=record["stopped"],
        seconds=round(seconds),
        loss_nats=round(record["loss_nats"], 4),
        best_order=best["order"],
        best_order_nats=round(best["loss_nats"], 4),
        unigram_nats=round(record["ngrams"][0]["loss_nats"], 4),
        processor=record["processor"],
        threads=record["threads"],
        precision=record["precision"],
        torch=record["torch"],
        sample=json.loads(drawn)[0]["text"].strip("\n"),
    )


def page(rows: Sequence[Row]) -> str:
    """Return the table and the samples in Markdown."""
    columns = ["text", "units", "parameters", "read", "time"]
    columns += ["model's loss", "best count table", "single letters"]
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for row in rows:
        cells = [
            _size(row["characters"]),
            f"{row['hidden_size']:,}",
            f"{row['parameters'] / 1e6:.1f} M",
            f"{row['readings']:.0f} times",
            _duration(row["seconds"]),
            f"**{row['loss_nats']:.2f}**",
            f"{row['best_order_nats']:.2f} ({row['best_order']}-grams)",
            f"{row['unigram_nats']:.2f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    machines = dict.fromkeys(
        f"{row['processor']}, threads: {row['threads']}, {row['precision']}" for row in rows
    )
    lines += ["", f"Losses are in nats per character. Times on: {'; '.join(machines)}."]
    for row in rows:
        lines += ["", f"From {_size(row['characters'])}, at temperature 0.8:"]
        lines += ["", "```text", row["sample"], "```"]
    return "\n".join(lines) + "\n"


def _size(characters: int) -> str:
    if characters < 1_000_000:
        return f"{characters / 1_000:g} kB"
    return f"{characters / 1_000_000:.2g} MB"


def _duration(seconds: int) -> str:
    return f"{seconds} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def load(folder: Path = BOOK) -> list[Row]:
    """Return the rows that are kept, the smallest text first."""
    return kept.load(folder / f"{NAME}.json")


def keep(row: Row, folder: Path) -> None:
    """Put a row in place of the one for the same size, and make the table again."""
    kept.keep(row, folder / f"{NAME}.json", "characters", page)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every size asked for, and keep each as soon as it is done."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="in characters")
    parser.add_argument("--folder", type=Path, default=BOOK, help="where to keep the figures")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    args = parser.parse_args(arguments)
    rows = []
    for characters in args.sizes:
        row = measure(characters)
        keep(row, args.folder)
        rows.append(row)
    print(json.dumps(rows, indent=1, ensure_ascii=False) if args.json else page(rows))


if __name__ == "__main__":
    main()
