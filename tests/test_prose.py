"""Figures in prose: each stands in what the chapter printed, or in the record of a kept model.

Prose is also what stands below a figure, and what describes it to those who do not see it.

Figures are numbers with two decimals or more; any number of two digits or more beside a kept
model's name must be that model's, or printed in the chapter. Pages print nothing: what they say
stands in a record, or in what another script kept beside them.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from rnnbook import records
from rnnbook.checkpoints import PRETRAINED

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
BOOK = ROOT / "book"
# Not those that a script makes from figures it keeps, nor the credits, which speak of texts.
PAGES = [
    path
    for path in sorted(BOOK.glob("*.md"))
    if not path.with_suffix(".json").exists() and path.stem != "credits"
]
# What a chapter's source printed, where no cell repeats it.
PUBLISHED = {"48,642.000000", "0.0299684", "0.00015"}
# What the page on the originals repeats from chapters that show where it comes from.
ORIGINALS = "0.03 1.918 2.39"
# What was hoped for before a run, on the page of the results.
GOALS = "1.28 1.42 1.36"
# Versions and years, which are no measurements.
NAMES = re.compile(r"(?:Python|accelerate) \d[\d., or]*\d|\b(?:18|19|20)\d\d\b")
# What an equation beside it comes to: √(0.1 / 1.9), and 1.25 × 5.0.
DERIVED = {"0.23", "6.25"}
FIGURE = re.compile(r"(?<![\w.,])\d[\d,]*\.\d{2,}(?!\d|\.\d)")
# Beside a model's name, whole numbers and those with one decimal count as well.
ANY = re.compile(r"(?<![\w.,/–-])\d(?:[\d,]*\d)?(?:\.\d+)?(?!\d|[.,]\d|\w)")
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
    # A table's line is a sentence of its own.
    plain = NAMES.sub(" ", MATHS.sub(" ", re.sub(r"\|\n", "|.\n", prose)))
    return re.split(r"(?<=[.:;?!])\s", " ".join(plain.split()))


def printed(notebook: nbformat.NotebookNode) -> str:
    parts = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            parts.append(cell.source)
            for output in cell.outputs:
                parts += [output.get("text", ""), output.get("data", {}).get("text/plain", "")]
    return "\n".join(parts)


def description(cell: nbformat.NotebookNode) -> str:
    """What is said about a cell's figure: its caption and its alternative text."""
    told = cell.metadata.get("mystnb", {})
    said = (told.get("figure", {}).get("caption", ""), told.get("image", {}).get("alt", ""))
    return " ".join(said).strip()


def unfounded(notebook: nbformat.NotebookNode) -> Iterator[str]:
    """Yield each figure that nothing bears out, with its sentence."""
    shown = printed(notebook)
    for cell in notebook.cells:
        said = cell.source if cell.cell_type == "markdown" else description(cell)
        for sentence in sentences(said):
            named = [name for name in re.findall(r"`(\w+)`", sentence) if name in RECORDS]
            sources = [shown, *(RECORDS[name] for name in named or RECORDS)]
            found = [number for number in ANY.findall(sentence) if len(number) > 1] if named else []
            for figure in dict.fromkeys(FIGURE.findall(sentence) + found):
                if figure not in PUBLISHED | DERIVED and not any(
                    holds(text, figure) for text in sources
                ):
                    yield f"{figure}: {sentence}"


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_figure_in_prose_was_printed_or_recorded(path):
    assert list(unfounded(nbformat.read(path, 4))) == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_figure_of_a_page_was_recorded_or_published(path):
    kept_beside = "".join(file.read_text(encoding="utf-8") for file in BOOK.glob("*.json"))
    page = written(path.read_text(encoding="utf-8"), f"{kept_beside} {ORIGINALS} {GOALS}")
    assert list(unfounded(page)) == []


def written(prose: str, output: str = "") -> nbformat.NotebookNode:
    cell = nbformat.v4.new_code_cell("print(loss)")
    cell.outputs = [nbformat.v4.new_output("stream", text=output)]
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(prose), cell])


def test_a_figure_that_nothing_printed_is_found():
    assert list(unfounded(written("It ends at 7.777 nats."))) == ["7.777: It ends at 7.777 nats."]
    assert list(unfounded(written("It ends at 7.777 nats.", "7.77701"))) == []
    assert list(unfounded(written("It ends at 7.777 nats.", "7.7786"))) != []


@pytest.mark.parametrize("told", [{"figure": {"caption": "x"}}, {"image": {"alt": "x"}}])
def test_a_figure_below_or_in_place_of_a_picture_is_found(told):
    page = written("A picture.", "7.123")
    page.cells[1].metadata["mystnb"] = json.loads(json.dumps(told).replace("x", "It is 7.123."))
    assert list(unfounded(page)) == []
    page.cells[1].metadata["mystnb"] = json.loads(json.dumps(told).replace("x", "It is 7.321."))
    assert list(unfounded(page)) == ["7.321: It is 7.321."]


def test_a_figure_beside_a_model_is_not_another_models():
    one, other = (f"{records.load(name)['loss_nats']:.4f}" for name in ("tunes", "vanilla_sum"))
    assert list(unfounded(written(f"The loss of `tunes` is {one}."))) == []
    assert list(unfounded(written(f"The loss of `tunes` is {other}."))) != []
    assert list(unfounded(written(f"One of them reached {other}."))) == []


def test_a_whole_number_beside_a_model_is_its_own():
    units, parameters = 50, records.load("vanilla_sum")["parameters"]
    own = f"`vanilla_sum` has {parameters:,} parameters and {units} units."
    assert list(unfounded(written(own))) == []
    assert list(unfounded(written(own.replace(f"{parameters:,}", "9,876")))) != []
    assert list(unfounded(written("It has 9,876 parameters."))) == []  # it names no model


def test_equations_and_versions_are_no_figures():
    assert list(unfounded(written("$0.1234 < x$, version 3.11.2, $$\n9.876\n$$"))) == []
