"""Run chapters again in place, keeping what a reader needs and nothing of this machine.

Every notebook is executed from top to bottom with its own folder as the working directory. What is
written back is the same for every machine that computes the same thing: no widget state, timings,
kernel versions, random model ids or paths. Called by ``make chapters``.
"""

import argparse
import os
import re
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

CHAPTERS = Path(__file__).parent
CELL_TIMEOUT = 1800  # seconds; the slowest cell trains a model on two CPU cores
CELL_METADATA = {"tags", "mystnb"}
NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "pygments_lexer": "ipython3",
    },
}
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
STATIC_VIEWS = {"text/html", "text/markdown", "image/png", "image/svg+xml"}

# tests/nbval_sanitize.cfg says the same to nbval, which compares a fresh run with what is kept.
MACHINE_TEXT = (
    (re.compile(r"/\S*/ipykernel_\d+/\d+\.py"), "<cell>"),
    (re.compile(r"/\S*?/(?:site|dist)-packages/"), "…/"),
    (re.compile(r"\b0x[0-9a-f]{6,}\b"), "0x…"),
)


def normalise(notebook: NotebookNode) -> NotebookNode:
    """Take out of an executed notebook, in place, all that another run would write differently.

    Parameters
    ----------
    notebook
        A notebook in format 4.5 or later, with outputs.

    Returns
    -------
    NotebookNode
        The same object. Cell ids, counts, tags and outputs stay.
    """
    notebook.metadata = nbformat.from_dict(NOTEBOOK_METADATA)
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict(
            {key: cell.metadata[key] for key in sorted(CELL_METADATA & cell.metadata.keys())}
        )
        for output in cell.get("outputs", []):
            _normalise_output(output)
    return notebook


def _normalise_output(output: NotebookNode) -> None:
    if output.output_type == "stream":
        output.text = _without_machine(output.text)
        return
    if output.output_type == "error":
        output.traceback = [_without_machine(line) for line in output.traceback]
        return
    # A live view needs its kernel: where the same output has a still one, only that is kept.
    if STATIC_VIEWS & output.data.keys():
        output.data.pop(WIDGET_VIEW, None)
    for mime, value in output.data.items():
        if isinstance(value, str) and mime.startswith("text/"):
            output.data[mime] = _without_machine(value)


def _without_machine(text: str) -> str:
    for pattern, replacement in MACHINE_TEXT:
        text = pattern.sub(replacement, text)
    return text


def run(path: Path) -> None:
    """Execute one notebook in place.

    Parameters
    ----------
    path
        The notebook. It is replaced only when every cell has run.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell raises; the file on disk is then left as it was.
    """
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=CELL_TIMEOUT,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
    part = path.with_name(f".{path.name}.part")
    nbformat.write(normalise(notebook), part)
    os.replace(part, path)


def main() -> int:
    """Run the chapters named on the command line, or all of them."""
    parser = argparse.ArgumentParser(description="Run chapters again in place.")
    parser.add_argument("chapter", nargs="*", help="such as 02_summation; default: all")
    names = parser.parse_args().chapter
    paths = [CHAPTERS / f"{Path(name).stem}.ipynb" for name in names]
    failed = [str(path) for path in paths if not path.exists()]
    for name in failed:
        print(f"{name}: there is no such chapter", file=sys.stderr)
    for path in sorted(set(paths or CHAPTERS.glob("*.ipynb"))):
        if str(path) in failed:
            continue
        start = time.perf_counter()
        try:
            run(path)
        except CellExecutionError as error:
            failed.append(path.name)
            print(f"{path.name}: a cell failed, nothing was written\n{error}", file=sys.stderr)
        else:
            print(f"{path.name}: {time.perf_counter() - start:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
