"""Running the chapters: again in place, under nbval, and without their texts."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from chapters.run import WIDGET_VIEW, run

TESTS = Path(__file__).resolve().parent

NOISY = [
    'import warnings\n\nwarnings.warn("look out")',
    "print(object())",
    "import matplotlib.pyplot as plt\n\nplt.plot([1, 2])\nplt.show()",
    """from IPython.display import display
from ipywidgets import IntSlider

slider = IntSlider()
view = {"application/vnd.jupyter.widget-view+json": {"model_id": slider.model_id}}
display({**view, "text/html": "<p>a still view</p>", "text/plain": "slider"}, raw=True)""",
    "import sys\n\nprint('one')\nprint('aside', file=sys.stderr)\nprint('two')",
]


def write(path: Path, *sources: str) -> Path:
    cells = [new_markdown_cell("# Title"), *map(new_code_cell, sources)]
    notebook = new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "mine", "language": "python"}
    nbformat.write(notebook, path)
    return path


def nbval(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run strict nbval in a folder, as make test does, in an environment we know."""
    inherited = {key: os.environ[key] for key in os.environ.keys() - {"CI", "RNNBOOK_DATA"}}
    options = ["-ra", "-p", "no:cacheprovider", "--rootdir", str(folder)]
    strict = ["--nbval", "--nbval-current-env", "--nbval-sanitize-with"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *strict, TESTS / "nbval_sanitize.cfg", "."],
        cwd=folder,
        env=inherited | environment,
        capture_output=True,
        text=True,
    )


class TestRunAgain:
    @pytest.fixture(scope="class")
    @classmethod
    def chapter(cls, tmp_path_factory):
        path = write(tmp_path_factory.mktemp("écrit à la main") / "00_noisy.ipynb", *NOISY)
        run(path)
        return path

    def test_a_second_run_changes_nothing(self, chapter):
        first = chapter.read_bytes()
        run(chapter)
        assert chapter.read_bytes() == first

    def test_what_is_kept(self, chapter):
        notebook = nbformat.read(chapter, as_version=4)
        assert [cell.execution_count for cell in notebook.cells[1:]] == [1, 2, 3, 4, 5]
        assert notebook.metadata.keys() == {"kernelspec", "language_info"}
        assert notebook.metadata.kernelspec.name == "python3"
        assert "version" not in notebook.metadata.language_info
        assert all(not cell.metadata for cell in notebook.cells)
        warning, address, plot, slider, streams = (cell.outputs for cell in notebook.cells[1:])
        assert warning[0].text.startswith("<cell>:3: UserWarning: look out")
        assert address[0].text == "<object object at 0x…>\n"
        assert "image/png" in plot[0].data
        assert WIDGET_VIEW not in slider[0].data
        assert [(part.name, part.text) for part in streams] == [
            ("stdout", "one\ntwo\n"),
            ("stderr", "aside\n"),
        ]

    def test_what_is_kept_stands_nbval(self, chapter):
        done = nbval(chapter.parent)
        assert "5 passed" in done.stdout, done.stdout

    def test_a_cell_that_fails_leaves_the_notebook_as_it_was(self, tmp_path):
        path = write(tmp_path / "00_broken.ipynb", "1 / 0")
        before = path.read_bytes()
        with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
            run(path)
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]


def test_nbval_sees_a_stored_output_that_differs(tmp_path):
    path = write(tmp_path / "00_short.ipynb", "print(1 + 1)")
    run(path)
    path.write_text(path.read_text().replace('"2\\n"', '"3\\n"'))
    done = nbval(tmp_path)
    assert done.returncode == 1
    assert "1 failed" in done.stdout


class TestChapterWithoutItsText:
    # No proxy listens on port 9, so nothing can be fetched.
    OFFLINE = dict.fromkeys(("http_proxy", "https_proxy", "HTTPS_PROXY"), "http://127.0.0.1:9")

    @pytest.fixture
    def folder(self, tmp_path):
        shutil.copy(TESTS / "conftest.py", tmp_path)
        wants = 'from rnnbook import corpora\n\ncorpora.load("text8", limit=10)'
        write(tmp_path / "01_wants_text.ipynb", wants, "print('never')")
        run(write(tmp_path / "02_wants_none.ipynb", "print('fine')"))
        (tmp_path / "data").mkdir()
        return tmp_path

    def offline(self, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return nbval(folder, RNNBOOK_CACHE=str(folder / "cache"), **self.OFFLINE, **environment)

    def test_is_skipped_by_name_with_the_reason(self, folder):
        done = self.offline(folder)
        assert done.returncode == 0, done.stdout
        assert "1 passed, 1 skipped" in done.stdout
        assert "01_wants_text.ipynb: text8.zip" in done.stdout

    def test_fails_where_ci_was_promised_the_texts(self, folder):
        done = self.offline(folder, CI="true", RNNBOOK_DATA=str(folder / "data"))
        assert done.returncode == 1
        assert "1 failed, 1 passed" in done.stdout
        assert "01_wants_text.ipynb: text8.zip" in done.stdout

    def test_is_only_skipped_in_a_ci_without_the_texts(self, folder):
        assert self.offline(folder, CI="true").returncode == 0

    def test_an_unknown_name_is_the_chapters_own_failure(self, folder):
        wants = 'from rnnbook import corpora\n\ncorpora.load("no_such_text")'
        write(folder / "01_wants_text.ipynb", wants)
        done = self.offline(folder)
        assert done.returncode == 1
        assert "there is no corpus 'no_such_text'" in done.stdout
