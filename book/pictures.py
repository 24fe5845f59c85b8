"""A Sphinx extension: pictures are small, and load when the reader comes near.

Charts have few colours, so a palette of 64 to 256 makes their files two or three times smaller.
Where that would be seen, the picture stays as it was.
"""

import re
from pathlib import Path

import imagesize
from docutils import nodes
from PIL import Image, ImageChops
from sphinx.application import Sphinx

Context = dict[str, object]
FURTHEST = 16  # of 255: how far a colour may move


def _load_late(
    app: Sphinx, _page: str, _template: str, context: Context, doctree: nodes.document | None
) -> None:
    """Load each picture when it comes near, into a place kept free for it."""
    if doctree is None:
        return
    sources = {built: source for source, built in app.builder.images.items()}

    def with_size(tag: re.Match[str]) -> str:
        width, height = imagesize.get(Path(app.srcdir, sources[tag["file"]]))
        return f'<img loading="lazy" width="{width}" height="{height}" {tag["rest"]}'

    pattern = r'<img (?P<rest>[^>]*src="[^"]*_images/(?P<file>[^"/]+)"[^>]*>)'
    context["body"] = re.sub(pattern, with_size, str(context["body"]))


def shrink(path: Path) -> None:
    """Give a PNG file a palette, if no colour moves far and the file gets smaller."""
    with Image.open(path) as image:
        before = image.convert("RGB")
        if image.mode == "P" or image.convert("RGBA").getextrema()[3] != (255, 255):
            return
    for colours in (64, 128, 256):
        after = before.quantize(colours, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        moved = ImageChops.difference(before, after.convert("RGB")).getextrema()
        if max(most for _, most in moved) <= FURTHEST:
            break
    else:
        return
    small = path.with_suffix(".small")
    after.save(small, "PNG", optimize=True)
    if small.stat().st_size < path.stat().st_size:
        small.replace(path)
    else:
        small.unlink()


def _shrink_all(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.name == "html":
        for path in sorted(Path(app.outdir, "_images").glob("*.png")):
            shrink(path)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("html-page-context", _load_late)
    app.connect("build-finished", _shrink_all)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
