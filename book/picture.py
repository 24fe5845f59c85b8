"""Copy the figure that introduces the book out of its chapter, for README.md and the first page.

Called by ``make chapters`` after the chapters have run, so that the picture is one they drew.
"""

import base64
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
CHAPTER = ROOT / "chapters" / "02_summation.ipynb"
FIGURE = "fig-summation-path"
PICTURE = ROOT / "book" / "_static" / "readme.png"


def stored(chapter: Path = CHAPTER, figure: str = FIGURE) -> bytes:
    """Return the PNG stored as a named figure's output.

    Raises
    ------
    LookupError
        If no cell of the chapter draws that figure.
    """
    for cell in nbformat.read(chapter, as_version=4).cells:
        if cell.metadata.get("mystnb", {}).get("figure", {}).get("name") == figure:
            for output in cell.outputs:
                if png := output.get("data", {}).get("image/png"):
                    return base64.b64decode(png)
    raise LookupError(f"{chapter.name} holds no picture of {figure}")


if __name__ == "__main__":
    PICTURE.write_bytes(stored())
