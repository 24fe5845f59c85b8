"""The chapters as files: run from top to bottom, described, tidy; and each check able to fail."""

import copy
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
import yaml
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from chapters.run import WIDGET_VIEW, normalise

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
PAGES = sorted((ROOT / "book").glob("*.md"))
HOME = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"]

TAGS = {"nbval-ignore-output", "nbval-check-output", "hide-input", "hide-output", "hide-cell"}
FOLDERS = "work|home|root|tmp|Users|var|opt"
MACHINE_PATH = re.compile(rf"(?<![\w.])/(?:{FOLDERS})/|(?:site|dist)-packages")
FILE_NAME = re.compile(r"\.(?:png|svg|jpe?g)$")
LONGEST_CELL = 40  # lines
FEWEST_EXERCISES = 4

Check = Callable[[NotebookNode], Iterator[str]]


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook: NotebookNode) -> Iterator[tuple[NotebookNode, NotebookNode]]:
    for cell in code_cells(notebook):
        for output in cell.outputs:
            yield cell, output


def headings(notebook: NotebookNode) -> Iterator[tuple[int, str]]:
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            prose = re.sub(r"^(```|~~~).*?^\1", "", cell.source, flags=re.DOTALL | re.MULTILINE)
            for marks, title in re.findall(r"^(#+) +(.+)$", prose, flags=re.MULTILINE):
                yield len(marks), title


def counts_run_from_one(notebook: NotebookNode) -> Iterator[str]:
    counts = [cell.execution_count for cell in code_cells(notebook)]
    if not counts or counts != list(range(1, len(counts) + 1)):
        yield f"the execution counts are {counts}: not one run from top to bottom"


def checks_have_output(notebook: NotebookNode) -> Iterator[str]:
    for cell in code_cells(notebook):
        if re.search(r"^\s*expect\.", cell.source, flags=re.MULTILINE) and not cell.outputs:
            yield f"a check printed nothing: {cell.source!r}"


def nothing_of_one_run_is_kept(notebook: NotebookNode) -> Iterator[str]:
    if normalise(copy.deepcopy(notebook)) != notebook:
        yield "metadata or outputs belong to one run or machine: make chapters takes them out"


def no_widget_needs_a_kernel(notebook: NotebookNode) -> Iterator[str]:
    for cell, output in outputs(notebook):
        if WIDGET_VIEW in output.get("data", {}):
            yield f"a widget has no still view beside the live one: {cell.source!r}"


def no_widget_captures_output(notebook: NotebookNode) -> Iterator[str]:
    for cell in code_cells(notebook):
        if re.search(r"\b(Output|interact(ive(_output)?)?)\(", cell.source):
            # It leaks text into the cell, and nbclient may wait for ever for such a cell to end.
            yield f"an Output widget, by itself or within interact: {cell.source!r}"


def no_cell_failed(notebook: NotebookNode) -> Iterator[str]:
    for cell, output in outputs(notebook):
        if output.output_type == "error":
            yield f"a cell raised {output.ename}: {cell.source!r}"


def no_path_of_a_machine(notebook: NotebookNode) -> Iterator[str]:
    for cell in notebook.cells:
        still = [
            value
            for output in cell.get("outputs", [])
            for value in (output.get("text"), *output.get("data", {}).values())
            if isinstance(value, str) and not re.fullmatch(r"[\w+/=\s]*", value)
        ]
        for text in [cell.source, *still]:
            if found := MACHINE_PATH.search(text):
                yield f"a path of one machine: {text[max(found.start() - 20, 0) :][:80]!r}"


def tags_are_known(notebook: NotebookNode) -> Iterator[str]:
    for cell in notebook.cells:
        if unknown := set(cell.metadata.get("tags", [])) - TAGS:
            yield f"tags {sorted(unknown)} are not used in this book"
        if cell.cell_type == "code" and re.search(r"#\s*(NBVAL|PYTEST_VALIDATE)_", cell.source):
            yield f"say it with a tag, not a comment: {cell.source!r}"


def figures_are_described(notebook: NotebookNode) -> Iterator[str]:
    for cell, output in outputs(notebook):
        if output.get("data", {}).keys() & {"image/png", "image/svg+xml", "image/jpeg"}:
            said = cell.metadata.get("mystnb", {})
            alt = said.get("image", {}).get("alt", "")
            figure = said.get("figure", {})
            if len(alt) < 30 or FILE_NAME.search(alt):
                yield f"a figure has no alternative text: {cell.source!r}"
            if not figure.get("caption") or not figure.get("name", "").startswith("fig-"):
                yield f"a figure has no caption, or no name that begins with fig-: {cell.source!r}"


def setup_installs_from_home(notebook: NotebookNode) -> Iterator[str]:
    first = code_cells(notebook)[0]
    extra = "[music]" if "tune_book" in first.source else ""
    wanted = f'    %pip install --quiet "rnnbook{extra} @ git+{HOME}"\n'
    if 'if "google.colab" in sys.modules:\n' + wanted not in first.source:
        yield f"the first code cell does not install rnnbook from {HOME} on Colab"
    if set(first.metadata.get("tags", [])) != {"hide-input", "nbval-ignore-output"}:
        yield "the setup cell is tagged hide-input and nbval-ignore-output, no more and no less"


def cells_are_short(notebook: NotebookNode) -> Iterator[str]:
    for cell in code_cells(notebook):
        if (lines := len(cell.source.splitlines())) > LONGEST_CELL:
            yield f"a cell has {lines} lines: {cell.source[:60]!r}"


def headings_are_in_order(notebook: NotebookNode) -> Iterator[str]:
    levels = [level for level, _ in headings(notebook)]
    if levels[:1] != [1] or levels.count(1) != 1:
        yield "the notebook begins with its one title"
    for (before, _), (level, title) in zip(
        headings(notebook), list(headings(notebook))[1:], strict=False
    ):
        if level > before + 1:
            yield f"{title!r} is {level - before} levels below the heading before it"


def comments(markdown: str) -> list[str]:
    """Lines that MyST leaves out of the page, as one that was wrapped before its % would be."""
    return re.findall(r"^\s*%.*$", markdown, flags=re.MULTILINE)


def no_line_is_left_out(notebook: NotebookNode) -> Iterator[str]:
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (found := comments(cell.source)):
            yield f"a line that begins with % is not in the page: {found}"


def is_checked_solution(cell: NotebookNode) -> bool:
    """Whether a cell is folded, and fails when its answer is no longer the one it gives."""
    tags = set(cell.metadata.get("tags", []))
    checked = "nbval-ignore-output" not in tags or "expect." in cell.source
    return bool({"hide-input", "hide-cell"} & tags) and checked


def exercises_are_solved(notebook: NotebookNode) -> Iterator[str]:
    text = "\n".join(
        cell.source if cell.cell_type == "markdown" else "SOLVED" * is_checked_solution(cell)
        for cell in notebook.cells
    )
    _, *sections = re.split(r"^## Exercises.*$", text, flags=re.MULTILINE)
    section = re.split(r"^## ", "".join(sections), flags=re.MULTILINE)[0]
    _, *exercises = re.split(r"^### ", section, flags=re.MULTILINE)
    if len(exercises) < FEWEST_EXERCISES:
        yield f"there are {len(exercises)} exercises, each a heading under ## Exercises"
    for exercise in exercises:
        title = exercise.splitlines()[0]
        # What can be run is run: only an open question is answered by prose alone.
        if "open question" in title:
            if not re.search(r"^:{3,}\{dropdown\} Solution", exercise, re.MULTILINE):
                yield f"an open question says in a folded note where to begin: {title!r}"
        elif not re.search(r"^SOLVED", exercise, re.MULTILINE):
            yield f"no folded solution that runs and is checked: {title!r}"
    if exercises and "open question" not in exercises[-1].splitlines()[0]:
        yield "the last exercise is an open question"


CHECKS: list[Check] = [
    counts_run_from_one,
    checks_have_output,
    nothing_of_one_run_is_kept,
    no_widget_needs_a_kernel,
    no_cell_failed,
    no_path_of_a_machine,
    tags_are_known,
    figures_are_described,
    setup_installs_from_home,
    cells_are_short,
    no_widget_captures_output,
    headings_are_in_order,
    no_line_is_left_out,
    exercises_are_solved,
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_chapter(path, check):
    assert list(check(nbformat.read(path, as_version=4))) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_no_line_of_a_page_is_left_out(page):
    assert comments(page.read_text(encoding="utf-8")) == []


SETUP = f"""import sys

if "google.colab" in sys.modules:
    %pip install --quiet "rnnbook @ git+{HOME}"

from rnnbook import device

print(device.describe())"""
PLOT = {
    "figure": {"name": "fig-line", "caption": "A line."},
    "image": {"alt": "A straight line that rises from 1 on the left to 3 on the right."},
}
OPEN = "### Exercise {0}: an open question\n\nWhy?\n\n:::{{dropdown}} Solution\nBecause.\n:::"


def sound() -> NotebookNode:
    """A small chapter that every check passes."""
    line = new_output("stream", text="✓ it holds\n")
    image = new_output("display_data", {"image/png": "iVBORw0KGgo=", "text/plain": "<Figure>"})
    tags = ["hide-input", "nbval-ignore-output"]
    cells = [
        new_markdown_cell("# A chapter\n\nWhat you will have at the end.\n\n## An idea"),
        new_code_cell(SETUP, metadata={"tags": tags}, outputs=[line]),
        new_code_cell("plt.show()", metadata={"mystnb": PLOT}, outputs=[image]),
        new_code_cell('expect.true("it holds", holds)', outputs=[line]),
        new_markdown_cell("## Exercises\n\n### Exercise 1\n\nChange one thing."),
        new_code_cell("1", metadata={"tags": ["hide-cell"]}),
        new_markdown_cell("### Exercise 2\n\nAnd another."),
        new_code_cell("2", metadata={"tags": ["hide-cell"]}),
        new_markdown_cell("### Exercise 3\n\nAnd a third."),
        new_code_cell("3", metadata={"tags": ["hide-cell"]}),
        new_markdown_cell(OPEN.format(4)),
    ]
    notebook = new_notebook(cells=cells)
    for count, cell in enumerate(code_cells(notebook), start=1):
        cell.execution_count = count
    return normalise(notebook)


def never_run(notebook: NotebookNode) -> None:
    for cell in code_cells(notebook):
        cell.execution_count, cell.outputs = None, []


def edited_after_the_run(notebook: NotebookNode) -> None:
    notebook.cells[2].execution_count = 7


def no_code_at_all(notebook: NotebookNode) -> None:
    notebook.cells = [cell for cell in notebook.cells if cell.cell_type == "markdown"]


def check_lost_its_output(notebook: NotebookNode) -> None:
    notebook.cells[3].outputs = []


def widget_state(notebook: NotebookNode) -> None:
    notebook.metadata.widgets = {"application/vnd.jupyter.widget-state+json": {"state": {}}}


def timings(notebook: NotebookNode) -> None:
    notebook.cells[1].metadata.execution = {"iopub.execute_input": "2026-01-01T00:00:00Z"}


def python_version(notebook: NotebookNode) -> None:
    notebook.metadata.language_info.version = "3.11.7"


def live_widget_only(notebook: NotebookNode) -> None:
    data = {WIDGET_VIEW: {"model_id": "6f1c"}, "text/plain": "IntSlider(value=0)"}
    notebook.cells[3].outputs = [new_output("display_data", data)]


def output_widget(notebook: NotebookNode) -> None:
    notebook.cells[3].source = "with ipywidgets.Output():\n    print('inside')"


def interact(notebook: NotebookNode) -> None:
    notebook.cells[3].source = "interact(draw, x=(0, 10))"


def error(notebook: NotebookNode) -> None:
    notebook.cells[3].outputs = [new_output("error", ename="ValueError", evalue="", traceback=[])]


def path_in_output(notebook: NotebookNode) -> None:
    notebook.cells[3].outputs[0].text = "saved to /home/someone/model.safetensors\n"


def path_in_html(notebook: NotebookNode) -> None:
    data = {"text/html": "<p>/Users/someone/model.safetensors</p>"}
    notebook.cells[3].outputs = [new_output("display_data", data)]


def path_in_source(notebook: NotebookNode) -> None:
    notebook.cells[3].source = 'corpus = open("/tmp/corpus.txt")'


def unknown_tag(notebook: NotebookNode) -> None:
    notebook.cells[3].metadata.tags = ["nbval-skip"]


def comment_for_a_tag(notebook: NotebookNode) -> None:
    notebook.cells[3].source += "\n# NBVAL_IGNORE_OUTPUT"


def no_alternative_text(notebook: NotebookNode) -> None:
    del notebook.cells[2].metadata.mystnb["image"]


def file_name_for_a_text(notebook: NotebookNode) -> None:
    notebook.cells[2].metadata.mystnb["image"]["alt"] = "_images/a1b2c3d4e5f6a7b8c9d0e1f2a3b4.png"


def no_caption(notebook: NotebookNode) -> None:
    del notebook.cells[2].metadata.mystnb["figure"]["caption"]


def no_setup(notebook: NotebookNode) -> None:
    notebook.cells[1].source = "import torch"


def setup_from_elsewhere(notebook: NotebookNode) -> None:
    notebook.cells[1].source = SETUP.replace(HOME, "https://example.org/rnnbook")


def setup_in_plain_view(notebook: NotebookNode) -> None:
    notebook.cells[1].metadata.tags = ["nbval-ignore-output"]


def long_cell(notebook: NotebookNode) -> None:
    notebook.cells[3].source = "x = 1\n" * (LONGEST_CELL + 1)


def two_titles(notebook: NotebookNode) -> None:
    notebook.cells[0].source += "\n\n# Another"


def heading_skipped(notebook: NotebookNode) -> None:
    notebook.cells[0].source += "\n\n#### Too deep"


def percent_at_a_beginning(notebook: NotebookNode) -> None:
    notebook.cells[6].source += "\n\nOf all, 100\n% and no more."


def three_exercises(notebook: NotebookNode) -> None:
    del notebook.cells[8:10]


def unsolved_exercise(notebook: NotebookNode) -> None:
    del notebook.cells[5]


def solution_that_cannot_fail(notebook: NotebookNode) -> None:
    notebook.cells[5].metadata.tags = ["hide-cell", "nbval-ignore-output"]


def solved_in_prose_alone(notebook: NotebookNode) -> None:
    notebook.cells[5] = new_markdown_cell(":::{dropdown} Solution\nChange it.\n:::")


def hidden_cell_elsewhere(notebook: NotebookNode) -> None:
    notebook.cells += [new_markdown_cell("## Further reading"), notebook.cells.pop(9)]


def open_question_left_alone(notebook: NotebookNode) -> None:
    notebook.cells[10].source = "### Exercise 4: an open question\n\nWhy?"


def no_open_question(notebook: NotebookNode) -> None:
    notebook.cells[10].source = "### Exercise 4\n\nAnd a fourth."
    notebook.cells.append(new_code_cell("4", metadata={"tags": ["hide-cell"]}))


def no_exercises(notebook: NotebookNode) -> None:
    del notebook.cells[4:]


BREAKAGES = [
    (counts_run_from_one, never_run),
    (counts_run_from_one, edited_after_the_run),
    (counts_run_from_one, no_code_at_all),
    (checks_have_output, check_lost_its_output),
    (nothing_of_one_run_is_kept, widget_state),
    (nothing_of_one_run_is_kept, timings),
    (nothing_of_one_run_is_kept, python_version),
    (no_widget_needs_a_kernel, live_widget_only),
    (no_widget_captures_output, output_widget),
    (no_widget_captures_output, interact),
    (no_cell_failed, error),
    (no_path_of_a_machine, path_in_output),
    (no_path_of_a_machine, path_in_html),
    (no_path_of_a_machine, path_in_source),
    (tags_are_known, unknown_tag),
    (tags_are_known, comment_for_a_tag),
    (figures_are_described, no_alternative_text),
    (figures_are_described, file_name_for_a_text),
    (figures_are_described, no_caption),
    (setup_installs_from_home, no_setup),
    (setup_installs_from_home, setup_from_elsewhere),
    (setup_installs_from_home, setup_in_plain_view),
    (cells_are_short, long_cell),
    (headings_are_in_order, two_titles),
    (headings_are_in_order, heading_skipped),
    (no_line_is_left_out, percent_at_a_beginning),
    (exercises_are_solved, three_exercises),
    (exercises_are_solved, unsolved_exercise),
    (exercises_are_solved, solution_that_cannot_fail),
    (exercises_are_solved, solved_in_prose_alone),
    (exercises_are_solved, open_question_left_alone),
    (exercises_are_solved, no_open_question),
    (exercises_are_solved, hidden_cell_elsewhere),
    (exercises_are_solved, no_exercises),
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_sound_notebook_passes(check, tmp_path):
    nbformat.write(sound(), tmp_path / "sound.ipynb")
    assert list(check(nbformat.read(tmp_path / "sound.ipynb", as_version=4))) == []


@pytest.mark.parametrize(("check", "breakage"), BREAKAGES, ids=lambda function: function.__name__)
def test_a_broken_notebook_fails(check, breakage, tmp_path):
    notebook = sound()
    breakage(notebook)
    nbformat.write(notebook, tmp_path / "broken.ipynb")
    assert list(check(nbformat.read(tmp_path / "broken.ipynb", as_version=4)))


def test_every_check_is_shown_to_fail():
    assert {check for check, _ in BREAKAGES} == set(CHECKS)
