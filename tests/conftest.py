"""What all tests share: texts, figures, and chapters skipped by name when a text cannot be had."""

import os
import re
from functools import cache
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from rnnbook import corpora

LOADS_CORPUS = re.compile(r"""corpora\.load\(\s*\\?["'](\w+)\\?["']""")


@cache
def why_unavailable(name: str) -> str | None:
    """Say why a text cannot be had, or nothing if it can."""
    if name not in corpora.names():
        return None  # nobody can have it: the cell that asks for it fails, as it should
    try:
        corpora.load(name, limit=0)
    except corpora.CorpusUnavailable as error:
        return str(error)
    return None


def stop_for(reason: str) -> None:
    """Skip the test; where the texts were promised, fail it."""
    if os.environ.get("CI") and os.environ.get("RNNBOOK_DATA"):
        pytest.fail(f"With CI and RNNBOOK_DATA set nothing is skipped. {reason}", pytrace=False)
    pytest.skip(reason)


class UnavailableChapter(pytest.Item):
    """Stands for the cells of a chapter that cannot run."""

    reason: str

    def runtest(self) -> None:
        stop_for(self.reason)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, self.name


def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Put one item in place of the cells of each notebook that asks for a text we cannot have."""
    unavailable: dict[Path, UnavailableChapter] = {}
    for path in {item.path for item in items if item.path.suffix == ".ipynb"}:
        wanted = set(LOADS_CORPUS.findall(path.read_text(encoding="utf-8")))
        reasons = [reason for name in sorted(wanted) if (reason := why_unavailable(name))]
        if reasons:
            item = UnavailableChapter.from_parent(session, name=path.name)
            item.path, item.reason = path, f"{path.name}: {' '.join(reasons)}"
            unavailable[path] = item
    items[:] = list(dict.fromkeys(unavailable.get(item.path, item) for item in items))


@pytest.fixture
def figures():
    """Figures are drawn without a screen, and closed after the test."""
    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def corpus_text():
    """A function from a text's name to the text; the test is skipped if it cannot be had."""

    def text(name: str) -> str:
        if reason := why_unavailable(name):
            stop_for(reason)
        return corpora.load(name).text

    return text
