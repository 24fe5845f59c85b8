"""A Sphinx extension: a page's pictures are loaded when the reader comes near them."""

from docutils import nodes
from sphinx.application import Sphinx


def _load_late(_app: Sphinx, doctree: nodes.document, _page: str) -> None:
    for image in doctree.findall(nodes.image):
        image["loading"] = "lazy"


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("doctree-resolved", _load_late)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
