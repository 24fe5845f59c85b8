"""Figures that a script keeps for a page: rows in JSON, and the table that is made from them."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from rnnbook.checkpoints import replacing


def load(path: Path) -> list:
    """Return the rows that are kept in a JSON file, none if there is no file yet."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def keep(row: dict, path: Path, key: str, page: Callable[[Sequence], str]) -> None:
    """Put a row in place of the one with the same key, and make the table beside it again."""
    others = [other for other in load(path) if other[key] != row[key]]
    rows = sorted([*others, row], key=lambda row: row[key])
    for file, content in (
        (path, json.dumps(rows, indent=1, ensure_ascii=False) + "\n"),
        (path.with_suffix(".md"), page(rows)),
    ):
        with replacing(file) as unfinished:
            unfinished.write_text(content, encoding="utf-8")
