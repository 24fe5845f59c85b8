"""A reader's session in JupyterLab: chapter 4 runs top to bottom, and its sampler writes.

With the book's own versions, and with ipywidgets 7.7.1, which Colab has.
"""

import importlib.metadata
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from browsing import chromium, generate
from conftest import stop_for, why_unavailable
from jupyter_client import BlockingKernelClient
from playwright.sync_api import Page, expect

ROOT = Path(__file__).parent.parent
CHAPTER = ROOT / "chapters" / "04_shakespeare.ipynb"
PATIENCE = 600  # seconds; the chapter trains a network
# JupyterLab 3 is the last that shows the widgets of ipywidgets 7.
AS_IN_COLAB = ("ipywidgets==7.7.1", "jupyterlab_widgets<2", "jupyterlab<4")
# It brings its own part for the browser, so it has to be installed beside them.
ANYWIDGET = f"anywidget=={importlib.metadata.version('anywidget')}"
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},  # every cell is in the page
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


@dataclass
class Server:
    """A JupyterLab that runs, and the folder of its notebooks."""

    address: str
    token: str
    folder: Path
    runtime: Path

    def kernels(self) -> list[dict]:
        """Say what each kernel does."""
        with urllib.request.urlopen(f"{self.address}api/kernels?token={self.token}") as answer:
            return json.load(answer)


@pytest.fixture(scope="module")
def as_in_colab(tmp_path_factory) -> Path:
    """A Python with the older widgets that finds everything else where this one does."""
    folder = tmp_path_factory.mktemp("colab")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", *AS_IN_COLAB, ANYWIDGET]
    done = subprocess.run(install, capture_output=True, text=True)
    if done.returncode:
        stop_for(f"the versions Colab has cannot be installed: {done.stderr[-500:]}")
    (here,) = (path for path in sys.path if path.endswith("site-packages"))
    (there,) = folder.glob("lib/python*/site-packages")
    (there / "everything_else.pth").write_text(f"{here}\n{ROOT}\n")
    return python


@contextmanager
def jupyterlab(python: Path, folder: Path) -> Iterator[Server]:
    """Start JupyterLab with settings of its own, and stop it and its kernels at the end."""
    settings, runtime = folder / "settings", folder / "runtime"
    for name, values in SETTINGS.items():
        file = settings / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    notebooks = folder / "notebooks"
    notebooks.mkdir()
    notebook = nbformat.read(CHAPTER, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.execution_count, cell.outputs = None, []
    nbformat.write(notebook, notebooks / CHAPTER.name)
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_RUNTIME_DIR": str(runtime),
        "JUPYTERLAB_SETTINGS_DIR": str(settings),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
    }
    command = [python, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", "--allow-root"]
    command += ["--ServerApp.port=0", f"--ServerApp.root_dir={notebooks}"]
    with (
        (folder / "log.txt").open("w") as log,
        subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log) as server,
    ):
        try:
            info = wait_for(lambda: next(runtime.glob("jpserver-*.json"), None), 60)
            facts = json.loads(info.read_text())
            yield Server(facts["url"], facts["token"], notebooks, runtime)
        finally:
            server.send_signal(signal.SIGTERM)


def wait_for(found: Callable[[], object], seconds: float) -> object:
    """Ask until there is an answer, and return it."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if answer := found():
            return answer
        time.sleep(0.5)
    raise TimeoutError(f"nothing after {seconds} s")


def run_all(page: Page, server: Server) -> nbformat.NotebookNode:
    """Run all cells as a reader does, wait, save, and return the notebook."""
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    waiting = page.locator(".jp-InputArea-prompt", has_text="[*]")
    expect(waiting).not_to_have_count(0)
    expect(waiting).to_have_count(0, timeout=1000 * PATIENCE)
    file, asked = server.folder / CHAPTER.name, time.time_ns()
    page.keyboard.press("Control+s")

    def saved() -> nbformat.NotebookNode | None:
        if file.stat().st_mtime_ns < asked:  # what JupyterLab saved by itself on the way
            return None
        try:
            return nbformat.read(file, as_version=4)
        except nbformat.reader.NotJSONError:  # half written
            return None

    return wait_for(saved, 30)


def ask(server: Server, expression: str) -> str:
    """Let the notebook's kernel evaluate an expression, as a cell would."""
    (kernel,) = server.kernels()
    client = BlockingKernelClient()
    client.load_connection_file(str(server.runtime / f"kernel-{kernel['id']}.json"))
    client.start_channels()
    client.wait_for_ready(timeout=30)
    answer = client.execute_interactive(
        "", user_expressions={"asked": expression}, timeout=30, store_history=False
    )
    client.stop_channels()
    asked = answer["content"]["user_expressions"]["asked"]
    assert asked["status"] == "ok", asked
    return asked["data"]["text/plain"]


@pytest.mark.slow
@pytest.mark.parametrize("versions", ["ours", "Colab's"])
def test_the_chapter_runs_and_its_sampler_writes(versions, request, tmp_path):
    if reason := why_unavailable("plays"):
        stop_for(reason)
    ours = versions == "ours"
    python = Path(sys.executable) if ours else request.getfixturevalue("as_in_colab")
    with jupyterlab(python, tmp_path) as server, chromium() as browser:
        page = browser.new_page()
        page.goto(f"{server.address}lab/tree/{CHAPTER.name}?token={server.token}")
        expect(page.locator(".jp-Notebook")).to_be_visible(timeout=60_000)
        wait_for(server.kernels, 60)
        notebook = run_all(page, server)
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        outputs = [output for cell in code for output in cell.outputs]
        assert [out.evalue for out in outputs if out.output_type == "error"] == []
        assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))

        page.get_by_role("region", name="Sampler:").scroll_into_view_if_needed()
        written = generate(page)
        assert len(written) == 400
        assert ask(server, "player.text") == repr(written)
        assert ask(server, "__import__('ipywidgets').__version__ == '7.7.1'") == repr(not ours)

        # Letters that are pressed there are no commands: a and b insert cells, d twice deletes one.
        prompt = page.get_by_role("textbox", name="Prompt")
        for control in (page.get_by_role("combobox", name="Model", exact=True), prompt):
            control.focus()
            page.keyboard.type("abdd")
        expect(prompt).to_have_value(re.compile("abdd"))
        expect(page.locator(".jp-Notebook .jp-Cell")).to_have_count(len(notebook.cells))
