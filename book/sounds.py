"""A Sphinx extension: what can be heard or downloaded in a page comes when the reader asks for it.

A notebook holds its sounds within itself. In the book they would weigh on a page that nobody has
started yet, so they become files of their own.
"""

import base64
import hashlib
import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.osutil import relative_uri

Context = dict[str, object]
SUFFIXES = {"audio/mpeg": "mp3", "audio/midi": "mid", "text/vnd.abc": "abc"}


def _take_out(
    app: Sphinx, page: str, _template: str, context: Context, doctree: nodes.document | None
) -> None:
    if doctree is None:
        return
    root = relative_uri(app.builder.get_target_uri(page), "_static/sounds")

    def file(found: re.Match[str]) -> str:
        content = base64.b64decode(found["data"])
        name = f"{hashlib.sha256(content).hexdigest()[:16]}.{SUFFIXES[found['kind']]}"
        folder = Path(app.outdir, "_static", "sounds")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        return f'{found["attribute"]}="{root}/{name}"'

    kinds = "|".join(map(re.escape, SUFFIXES))
    pattern = rf'(?P<attribute>src|href)="data:(?P<kind>{kinds});base64,(?P<data>[A-Za-z0-9+/=]+)"'
    context["body"] = re.sub(pattern, file, str(context["body"]))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("html-page-context", _take_out)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
