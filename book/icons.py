"""A Sphinx extension: the fonts of icons hold the icons that the book uses, and no others.

The theme brings all of Font Awesome, two thousand icons in 270 kB, and every page would load them
for a dozen.
"""

import re
from pathlib import Path

from fontTools import subset
from sphinx.application import Sphinx

# How the theme's style sheet says which sign an icon is.
RULE = re.compile(r'((?:\.fa-[\w-]+:before,?)+)\{content:"\\([0-9a-f]+)"\}')


def used(html: Path) -> set[int]:
    """Return the code points of the icons that a built book may show."""
    patterns = ("*.css", "*.html", "*.js")
    text = " ".join(file.read_text("utf-8") for kind in patterns for file in html.rglob(kind))
    codes = {
        name: int(code, 16)
        for names, code in RULE.findall(text)
        for name in re.findall(r"fa-[\w-]+", names)
    }
    text = RULE.sub("", text)
    named = {codes[name] for name in re.findall(r"fa-[\w-]+", text) if name in codes}
    # Others are given by their code, or stand there as they are.
    escaped = {int(code, 16) for code in re.findall(r'"\\(f[0-9a-f]{3})"', text)}
    return named | escaped | set(map(ord, re.findall("[\ue000-\uf8ff]", text)))


def keep(font: Path, codes: set[int]) -> None:
    """Leave only these code points in a WOFF2 font."""
    options = subset.Options(flavor="woff2")
    loaded = subset.load_font(font, options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=codes)
    subsetter.subset(loaded)
    subset.save_font(loaded, font, options)


def _keep_used(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.name == "html":
        html = Path(app.outdir)
        codes = used(html)
        for font in sorted(html.glob("_static/vendor/fontawesome/webfonts/*.woff2")):
            keep(font, codes)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("build-finished", _keep_used)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
