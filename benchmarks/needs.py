"""What each chapter needs: the table of time, memory and texts on the page on running the book.

Runs every chapter in a process of its own, changes none, and keeps the figures in
``book/chapter_needs.json`` and the table made from them in ``book/chapter_needs.md``::

    python benchmarks/needs.py
    python benchmarks/needs.py 02_summation --json

Allow a quarter of an hour on two cores, and let nothing else run.
"""

import argparse
import json
import os
import re
import resource
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypedDict

import nbformat
from nbclient import NotebookClient

from rnnbook import corpora, device, records

sys.path.append(str(Path(__file__).resolve().parent.parent))
from benchmarks import kept
from chapters.run import CELL_TIMEOUT

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "book"
NAME = "chapter_needs"
CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
LOADS = re.compile(r"""corpora\.load\(\s*["'](\w+)["']""")
HEADINGS = ("chapter", "time", "memory", "texts")


class Row(TypedDict):
    """One chapter: how long it ran, the most memory of a process of its, and what it loads."""

    chapter: str
    seconds: int
    memory_mb: int
    texts_mb: float
    processor: str
    cores: int


def measure(path: Path) -> Row:
    """Run a chapter from top to bottom; call this in a process that has run no other."""
    notebook = nbformat.read(path, as_version=4)
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    sizes = [len(corpora.load(name).text.encode()) for name in set(LOADS.findall(code))]
    started = time.perf_counter()
    NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=CELL_TIMEOUT,
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
    seconds = time.perf_counter() - started
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
    return Row(
        chapter=path.stem,
        seconds=round(seconds),
        memory_mb=round(most / 1e6),
        texts_mb=round(sum(sizes) / 1e6, 1),
        processor=records.processor(device.best_device()),
        cores=os.cpu_count() or 1,
    )


def page(rows: Sequence[Row]) -> str:
    """Return the table in Markdown."""
    lines = [f"| {' | '.join(HEADINGS)} |", "|---" * len(HEADINGS) + "|"]
    for row in rows:
        cells = [
            f"[{int(row['chapter'][:2])}](../chapters/{row['chapter']}.ipynb)",
            f"{row['seconds']} s" if row["seconds"] < 100 else f"{row['seconds'] / 60:.1f} min",
            f"{row['memory_mb'] / 1000:.1f} GB",
            f"{row['texts_mb']:.1f} MB" if row["texts_mb"] else "none",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    machines = dict.fromkeys(f"{row['processor']}, cores: {row['cores']}" for row in rows)
    return "\n".join([*lines, "", f"Measured on: {'; '.join(machines)}."]) + "\n"


def load(folder: Path = BOOK) -> list[Row]:
    """Return the rows that are kept, in the order of the chapters."""
    return kept.load(folder / f"{NAME}.json")


def keep(row: Row, folder: Path) -> None:
    """Put a row in place of the one for the same chapter, and make the table again."""
    kept.keep(row, folder / f"{NAME}.json", "chapter", page)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the chapters asked for, and keep each as soon as it is done."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("chapter", nargs="*", help="such as 02_summation; default: all")
    parser.add_argument("--folder", type=Path, default=BOOK, help="where to keep the figures")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    args = parser.parse_args(arguments)
    paths = [ROOT / "chapters" / f"{name}.ipynb" for name in args.chapter] or CHAPTERS
    rows = []
    for path in paths:
        with ProcessPoolExecutor(1) as process:
            row = process.submit(measure, path).result()
        keep(row, args.folder)
        rows.append(row)
    print(json.dumps(rows, indent=1, ensure_ascii=False) if args.json else page(rows))


if __name__ == "__main__":
    main()
