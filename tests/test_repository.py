"""What is written down in several places, and must agree."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import rnnbook
from benchmarks import needs
from book import check, picture

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = sorted(path.stem for path in (ROOT / "chapters").glob("*.ipynb"))


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


CONFIG = yaml.safe_load(read("_config.yml"))
HOME = CONFIG["repository"]["url"]
PROJECT = tomllib.loads(read("pyproject.toml"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
PINS = {
    pin.name: pin
    for line in read("requirements.txt").splitlines()
    if line and not line.startswith("#")
    for pin in [Requirement(line)]
}


def texts() -> list[Path]:
    """The project's own text files."""
    folders = ("benchmarks", "book", "chapters", "rnnbook", "tests", ".ci", ".github")
    paths = [*ROOT.glob("*"), *(path for name in folders for path in (ROOT / name).rglob("*"))]
    binary = {".png", ".pyc", ".safetensors"}
    return [path for path in paths if path.is_file() and path.suffix not in binary]


class TestHomePage:
    def test_every_mention_is_the_one_in_config(self):
        mentions = re.compile(r"https?://[\w.]*github\.com/[\w-]+/rnnbook\b")
        wrong = [
            f"{path.relative_to(ROOT)}: {found}"
            for path in texts()
            for found in mentions.findall(path.read_text(encoding="utf-8"))
            if found != HOME
        ]
        assert wrong == []

    def test_metadata_names_it(self):
        assert PROJECT["urls"]["Homepage"] == HOME
        assert yaml.safe_load(read("CITATION.cff"))["repository-code"] == HOME

    @pytest.mark.parametrize("chapter", CHAPTERS)
    def test_the_readme_opens_each_chapter_in_colab(self, chapter):
        address = HOME.replace(
            "https://github.com/", CONFIG["launch_buttons"]["colab_url"] + "/github/"
        )
        branch = CONFIG["repository"]["branch"]
        assert f"({address}/blob/{branch}/chapters/{chapter}.ipynb)" in read("README.md")


class TestChapters:
    def test_the_contents_list_every_chapter_and_no_other(self):
        assert [page for page in check.pages() if page.startswith("chapters/")] == [
            f"chapters/{chapter}" for chapter in CHAPTERS
        ]

    @pytest.mark.parametrize("page", ["README.md", "book/intro.md"])
    def test_chapters_that_are_named_exist_and_all_are_named(self, page):
        named = set(re.findall(r"chapters/(\w+)\.ipynb", read(page)))
        assert named == set(CHAPTERS)

    @pytest.mark.parametrize("chapter", CHAPTERS)
    def test_the_readme_calls_each_chapter_by_its_title(self, chapter):
        first = json.loads(read(f"chapters/{chapter}.ipynb"))["cells"][0]["source"][0]
        assert f"[{first.removeprefix('# ').strip()}](chapters/{chapter}.ipynb)" in read(
            "README.md"
        )

    def test_the_picture_of_the_book_is_one_its_chapter_drew(self):
        assert picture.PICTURE.read_bytes() == picture.stored()

    def test_links_between_files_lead_somewhere(self):
        for name in ("README.md", "CONTRIBUTING.md"):
            for target in re.findall(r"\]\((?!https?:)([^)#]+)", read(name)):
                assert (ROOT / target).exists(), f"{name} links to {target}"


class TestVersions:
    def test_pins_are_exact(self):
        assert PINS
        for pin in PINS.values():
            assert [clause.operator for clause in pin.specifier] == ["=="], str(pin)

    def test_every_dependency_is_pinned_inside_its_range(self):
        stated = [*PROJECT["dependencies"], *(line for extra in EXTRAS.values() for line in extra)]
        for requirement in map(Requirement, stated):
            if requirement.name == "pip":
                continue  # comes with the environment
            (clause,) = PINS[requirement.name].specifier
            assert requirement.specifier.contains(clause.version), requirement.name

    def test_the_package_accepts_what_colab_has(self):
        (torch,) = [r for r in map(Requirement, PROJECT["dependencies"]) if r.name == "torch"]
        assert all(clause.operator == ">=" for clause in torch.specifier)

    def test_citation_has_the_packages_version(self):
        assert yaml.safe_load(read("CITATION.cff"))["version"] == rnnbook.__version__

    def test_imports_are_declared(self):
        declared = {Requirement(line).name for line in PROJECT["dependencies"]}
        declared |= {Requirement(line).name for line in EXTRAS["music"]}
        declared |= {"rnnbook"} | set(sys.stdlib_module_names)
        for path in (ROOT / "rnnbook").glob("*.py"):
            names = imported(path) - {"cycler", "IPython"}  # matplotlib's and ipywidgets' own
            assert names <= declared, path.name


def imported(path: Path) -> set[str]:
    """Name the top-level packages that a module imports."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    whole = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    parts = [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    return {name.partition(".")[0] for name in whole + parts}


class TestContinuousIntegration:
    def test_it_runs_the_two_commands_of_the_readme(self):
        workflow = yaml.safe_load(read(".github/workflows/book.yml"))["jobs"]["test"]
        commands = [step["run"] for step in workflow["steps"] if "run" in step]
        promised = re.findall(r"^(make \w+)", read("README.md"), flags=re.MULTILINE)
        assert promised == ["make book", "make test"]
        assert commands == ["make book", "make test-all"]
        assert "make test-all" in read(".ci/run")
        assert re.search(r"^test-all: test$", read("Makefile"), flags=re.MULTILINE)

    def test_they_are_run_as_a_stranger_runs_them(self):
        script = read(".ci/run")
        for line in ("stranger make book", "offline make test", "stranger CI=1 make test-slow"):
            assert re.search(rf"^(?:time )?{line}$", script, flags=re.MULTILINE), line

    def test_it_covers_the_pythons_that_are_promised(self):
        workflow = yaml.safe_load(read(".github/workflows/book.yml"))["jobs"]["test"]
        pythons = workflow["strategy"]["matrix"]["python"]
        assert PROJECT["requires-python"] == f">={pythons[0]}"
        sentence = f"{', '.join(pythons[:-1])} or {pythons[-1]}"
        assert sentence in read("README.md")
        assert sentence in read("book/running.md")


class TestRunning:
    def test_the_needs_of_every_chapter_were_measured(self):
        rows = needs.load()
        assert [row["chapter"] for row in rows] == CHAPTERS
        assert read("book/chapter_needs.md") == needs.page(rows)
        assert "```{include} chapter_needs.md" in read("book/running.md")
        for row in rows:
            assert 5 < row["seconds"] < 600
            assert 100 < row["memory_mb"] < 8000


class TestBackMatter:
    def test_glossary_terms_are_in_order_and_there_once(self):
        terms = re.findall(r"^(\S.*)\n  \S", read("book/glossary.md"), flags=re.MULTILINE)
        assert len(terms) > 20
        plain = [term.replace("-", " ").lower() for term in terms]
        assert plain == sorted(set(plain))

    def test_references_are_in_order_and_there_once(self):
        keys = re.findall(r"^@\w+\{([^,]+),", read("book/references.bib"), flags=re.MULTILINE)
        assert len(keys) > 10
        assert keys == sorted(set(keys))

    def test_every_text_has_its_licence_on_the_credits_page(self):
        from rnnbook import corpora

        listed = re.findall(r"^\| `(\w+)` \|", read("book/credits.md"), flags=re.MULTILINE)
        assert sorted(listed) == sorted(corpora.names())

    def test_every_library_has_its_licence_on_the_credits_page(self):
        software = read("book/credits.md").partition("## Software")[2].lower()
        named = re.findall(r"\[([^\]]+)\]\(https?://[^)]+\)\s\(([^)]+)\)", software)
        credited = {re.sub(r"[\s._]", "-", name) for name, licence in named if licence}
        needed = [*PROJECT["dependencies"], *EXTRAS["music"], *EXTRAS["book"], *EXTRAS["test"]]
        names = {re.sub(r"[._]", "-", Requirement(line).name.lower()) for line in needed}
        called = {"torch": "pytorch", "beautifulsoup4": "beautiful-soup"}
        assert {called.get(name, name) for name in names} - credited == {"pip"}


def test_no_file_names_a_path_of_one_machine():
    path = re.compile(r"/(?:work|home|root|Users)/\w+/")
    wrong = [
        f"{file.relative_to(ROOT)}: {found.group()}"
        for file in texts()
        if not file.is_relative_to(ROOT / "tests")
        for found in path.finditer(file.read_text(encoding="utf-8"))
    ]
    assert wrong == []


def written(path: Path) -> str:
    """What a file says, without what its cells printed."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    return "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])


def test_spelling(tmp_path):
    by_models_or_in_spanish = {"own_text_runs.json", "own_text_runs.md", "test_verse.py"}
    for file in texts():
        if file.name not in by_models_or_in_spanish:
            name = "-".join(file.relative_to(ROOT).parts)
            (tmp_path / name).write_text(written(file), encoding="utf-8")
    command = [Path(sys.executable).with_name("codespell"), "--toml", ROOT / "pyproject.toml", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == ""
    assert done.returncode == 0, done.stderr
