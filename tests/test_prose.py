"""Figures in prose: each stands in what the chapter printed, or in the record of a kept model.

Figures are numbers with two decimals or more; a number beside a kept model's name must be that
model's, or printed in the chapter.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from rnnbook import records
from rnnbook.checkpoints import PRETRAINED

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
# What a chapter's source printed, where no cell repeats it.
PUBLISHED = {"48,642.000000", "0.0299684", "0.00015"}
# What an equation beside it comes to: √(0.1 / 1.9), and 1.25 × 5.0.
DERIVED = {"0.23", "6.25"}
FIGURE = re.compile(r"(?<![\w.,])\d[\d,]*\.\d{2,}(?!\d|\.\d)")
NUMBER = re.compile(r"\d[\d,]*\.?\d*(?:e[-+]?\d+)?")
MATHS = re.compile(r"\$\$.*?\$\$|\$[^$]*\$|```.*?```", re.DOTALL)


def holds(texts: str, figure: str) -> bool:
    """Whether a text has a number that is the figure when it is rounded as the figure is."""
    decimals = len(figure.partition(".")[2])
    value = float(figure.replace(",", ""))
    numbers = (number.replace(",", "") for number in NUMBER.findall(texts))
    return any(f"{float(number):.{decimals}f}" == f"{value:.{decimals}f}" for number in numbers)


def kept(folder: Path) -> str:
    return "".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.json")))


RECORDS = {path.parent.name: kept(path.parent) for path in PRETRAINED.glob("*/run.json")}


def sentences(prose: str) -> list[str]:
    plain = " ".join(MATHS.sub(" ", prose).split())
    return re.split(r"(?<=[.:;?!])\s", plain)


def printed(notebook: nbformat.NotebookNode) -> str:
    parts = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            parts.append(cell.source)
            for output in cell.outputs:
                parts += [output.get("text", ""), output.get("data", {}).get("text/plain", "")]
    return "\n".join(parts)


def unfounded(notebook: nbformat.NotebookNode) -> Iterator[str]:
    """Yield each figure that nothing bears out, with its sentence."""
    shown = printed(notebook)
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            continue
        for sentence in sentences(cell.source):
            named = [name for name in re.findall(r"`(\w+)`", sentence) if name in RECORDS]
            sources = [shown, *(RECORDS[name] for name in named or RECORDS)]
            for figure in FIGURE.findall(sentence):
                if figure not in PUBLISHED | DERIVED and not any(
                    holds(text, figure) for text in sources
                ):
                    yield f"{figure}: {sentence}"


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_figure_in_prose_was_printed_or_recorded(path):
    assert list(unfounded(nbformat.read(path, 4))) == []


def written(prose: str, output: str = "") -> nbformat.NotebookNode:
    cell = nbformat.v4.new_code_cell("print(loss)")
    cell.outputs = [nbformat.v4.new_output("stream", text=output)]
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(prose), cell])


def test_a_figure_that_nothing_printed_is_found():
    assert list(unfounded(written("It ends at 7.777 nats."))) == ["7.777: It ends at 7.777 nats."]
    assert list(unfounded(written("It ends at 7.777 nats.", "7.77701"))) == []
    assert list(unfounded(written("It ends at 7.777 nats.", "7.7786"))) != []


def test_a_figure_beside_a_model_is_not_another_models():
    one, other = (f"{records.load(name)['loss_nats']:.4f}" for name in ("tunes", "vanilla_sum"))
    assert list(unfounded(written(f"The loss of `tunes` is {one}."))) == []
    assert list(unfounded(written(f"The loss of `tunes` is {other}."))) != []
    assert list(unfounded(written(f"One of them reached {other}."))) == []


def test_equations_and_versions_are_no_figures():
    assert list(unfounded(written("$0.1234 < x$, version 3.11.2, $$\n9.876\n$$"))) == []
