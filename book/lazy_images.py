"""A Sphinx extension: pictures load when the reader comes near, into a place kept free for them."""

import re
from pathlib import Path

import imagesize
from docutils import nodes
from sphinx.application import Sphinx

Context = dict[str, object]


def _load_late(
    app: Sphinx, _page: str, _template: str, context: Context, doctree: nodes.document | None
) -> None:
    if doctree is None:
        return
    sources = {built: source for source, built in app.builder.images.items()}

    def with_size(tag: re.Match[str]) -> str:
        width, height = imagesize.get(Path(app.srcdir, sources[tag["file"]]))
        return f'<img loading="lazy" width="{width}" height="{height}" {tag["rest"]}'

    pattern = r'<img (?P<rest>[^>]*src="[^"]*_images/(?P<file>[^"/]+)"[^>]*>)'
    context["body"] = re.sub(pattern, with_size, str(context["body"]))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("html-page-context", _load_late)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
