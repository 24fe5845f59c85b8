"""The chapters are one book: each leads to the next, and no sentence is said in two of them."""

import json
import re
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
PAGES = [*CHAPTERS, *sorted((ROOT / "book").glob("*.md"))]
BY_MODELS = {"own_text_runs.md", "chapter_needs.md"}  # made by scripts
SHORTEST = 7  # words; shorter ones say no more than a heading
# Every chapter says what running it takes, and in the same words.
FORMULA = re.compile(r"(?:the whole|running the|the) chapter (?:runs in|takes) ")
BLOCK = re.compile(r"^(```|~~~).*?^\1", flags=re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^#+ .*$", flags=re.MULTILINE)
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


def cells(path: Path, kind: str) -> list[str]:
    if path.suffix == ".md":
        return [path.read_text(encoding="utf-8")] * (kind == "markdown")
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == kind]


def sentences(prose: str) -> list[str]:
    """What is said in a text, in plain small letters, without headings and code."""
    plain = LINK.sub(r"\1", HEADING.sub("\n\n", BLOCK.sub("\n\n", prose)))
    found = []
    for paragraph in re.split(r"\n\s*\n|^\s*(?:[-*|:]|\d\.)+|\|", plain, flags=re.MULTILINE):
        for sentence in re.split(r"(?<=[.:;?!])\s+", " ".join(paragraph.split())):
            words = re.findall(r"\w+", sentence.lower())
            if len(words) >= SHORTEST:
                found.append(" ".join(words))
    return found


def said_twice(pages: dict[str, list[str]]) -> list[str]:
    """Name each sentence that stands in more than one page."""
    where = defaultdict(set)
    for name, texts in pages.items():
        for sentence in {sentence for text in texts for sentence in sentences(text)}:
            if not FORMULA.match(sentence):
                where[sentence].add(name)
    return [f"{sorted(names)}: {said}" for said, names in where.items() if len(names) > 1]


def test_no_sentence_is_said_on_two_pages():
    pages = {path.name: cells(path, "markdown") for path in PAGES if path.name not in BY_MODELS}
    assert said_twice(pages) == []


def test_a_sentence_that_is_said_twice_is_found():
    one = "# Title\n\nA table of counts is the\nsimplest [rival](a.md) there is. Short one."
    other = "- a table of counts is the simplest rival there is!\n\nShort one."
    assert len(said_twice({"a": [one], "b": [other]})) == 1
    assert said_twice({"a": [one, other], "b": ["Short one."]}) == []


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_says_at_its_beginning_what_it_needs_and_takes(path):
    first = "\n".join(cells(path, "markdown")[:4])
    assert "## What you will be able to do" in first
    assert "You need" in first
    assert re.search(r"\bminutes?\b", first)


@pytest.mark.parametrize(("path", "following"), [*pairwise(CHAPTERS)], ids=lambda path: path.stem)
def test_a_chapter_leads_to_the_next(path, following):
    last = cells(path, "markdown")[-1]
    assert f"({following.name})" in last


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_figures_have_the_books_style_and_colours(path):
    code = "\n".join(cells(path, "code"))
    assert "plots.use_style()" in code
    own = re.findall(r"""\bc(?:olor)?=["'](?!none)[^"']+["']|rcParams|plt\.style""", code)
    assert own == []


def test_every_word_of_the_glossary_is_linked_where_it_is_used():
    glossary = (ROOT / "book" / "glossary.md").read_text(encoding="utf-8")
    _, block = glossary.split("```{glossary}\n")
    words = set(re.findall(r"^(\S.*)\n  ", block, flags=re.MULTILINE))
    assert len(words) > 70
    others = [path for path in PAGES if path.stem != "glossary"]
    prose = "\n".join(text for path in others for text in cells(path, "markdown"))
    links = (" ".join(link.split()) for link in re.findall(r"\{term\}`([^`]+)`", prose))
    linked = {re.sub(r".*<(.*)>", r"\1", link) for link in links}
    assert words - linked == set()
