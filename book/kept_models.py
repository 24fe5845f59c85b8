"""A Sphinx extension: the models of the package go where the pages' samplers fetch them."""

import shutil
from pathlib import Path

from sphinx.application import Sphinx


def _copy_models(app: Sphinx, error: Exception | None) -> None:
    if error is not None or app.builder.format != "html":
        return
    for file in Path(app.confdir, "rnnbook", "pretrained").glob("*/*.safetensors"):
        target = Path(app.outdir, "_static", "models", file.parent.name, file.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("build-finished", _copy_models)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
