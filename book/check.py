"""Check a built book: every page of _toc.yml is there and none shows a traceback.

Called by ``make book`` with the folder of the HTML, after the build.
"""

import html
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent


def pages(toc: Path = ROOT / "_toc.yml") -> list[str]:
    """Name every page of a table of contents, in reading order, as paths without a suffix."""

    def files(node: object) -> Iterator[str]:
        if isinstance(node, dict):
            yield from (str(node[key]) for key in ("root", "file") if key in node)
            for value in node.values():
                yield from files(value)
        elif isinstance(node, list):
            for value in node:
                yield from files(value)

    return list(files(yaml.safe_load(toc.read_text(encoding="utf-8"))))


def problems(built: Path, wanted: list[str]) -> list[str]:
    """Say what is wrong with a built book, one sentence a problem.

    Parameters
    ----------
    built
        The folder that holds the HTML.
    wanted
        The pages it must hold, as paths without a suffix.
    """
    found = []
    for page in wanted:
        path = built / f"{page}.html"
        if not path.exists():
            found.append(f"{page}: there is no such page in the built book")
            continue
        text = html.unescape(re.sub(r"<[^>]*>", "", path.read_text(encoding="utf-8")))
        if "Traceback (most recent call last)" in text:
            found.append(f"{page}: the page shows a traceback")
    return found


def main(built: Path) -> int:
    """Print what is wrong with the book, or where to open it."""
    wanted = pages()
    if found := problems(built, wanted):
        print(*found, sep="\n", file=sys.stderr)
        return 1
    print(f"The book is ready, {len(wanted)} pages. Open {built / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
