"""Rules that turn raw sources into plain text: plays from Markdown, Wikipedia from XML, tunes.

Pure functions from text to text. Nothing here reads a file or knows where a source comes from.
"""

import re
import string
from collections.abc import Iterable

BLANK_LINES = re.compile(r"\n\s*\n")

# A direction stands between underscores or in brackets, at times in both or with one end missing.
DIRECTION = re.compile(r"_*\\?\[[^\]_]*[\]_]+|_+[^_]*_+")
SPEAKER = re.compile(r"^\*\*(.+?):?\*\*$")
ESCAPED = re.compile(r"\\([^\w\s])")
NUMBERED_ITEM = re.compile(r"\d+\\\. ")


def play(markdown: str) -> str:
    r"""Turn one play in Markdown into speeches: ``NAME:``, its lines, a blank line.

    Headings and stage directions are dropped, and what a direction interrupts is joined again.
    Escapes (``\--``) and the spaces at line ends are undone.

    Parameters
    ----------
    markdown : str
        The play: ``# headings``, ``**NAME**`` before each speech, ``_stage directions_``.

    Returns
    -------
    str
        The speeches, without a newline at the end.
    """
    speeches: list[list[str]] = []
    after_heading = False
    for paragraph in BLANK_LINES.split(markdown.strip()):
        if paragraph.startswith("#"):
            after_heading = True
            continue
        if NUMBERED_ITEM.match(paragraph):  # the procession in Henry VIII, a direction in a list
            continue
        spoken = DIRECTION.sub("", paragraph)
        lines = [_line(raw) for raw in spoken.split("\n") if raw.strip()]
        if not lines:
            continue
        named = paragraph.startswith("**")
        if after_heading and not named and (len(lines) == 1 or lines[0][0].islower()):
            continue  # the rest of a heading that ran over its line
        if named or after_heading or not speeches:
            speeches.append(lines)
        else:
            speeches[-1] += lines
        after_heading = False
    return "\n\n".join("\n".join(lines) for lines in speeches)


def _line(raw: str) -> str:
    return ESCAPED.sub(r"\1", SPEAKER.sub(r"\1:", raw.strip())).replace("&amp;", "&")


def plays(markdowns: Iterable[str]) -> str:
    """Join several plays into one text, a blank line between any two speeches.

    Parameters
    ----------
    markdowns : iterable of str
        The plays in the form `play` takes, in the order wanted.

    Returns
    -------
    str
        The text, ending in one newline.
    """
    return "\n\n".join(play(markdown) for markdown in markdowns) + "\n"


# Each step counts on those before it.
WIKIPEDIA_STEPS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.ASCII), replacement)
    for pattern, replacement in (
        # XML's own escapes; whatever other entity is left becomes a space at the end
        (r"&amp;", "&"),
        (r"&lt;", "<"),
        (r"&gt;", ">"),
        # what a browser does not show in the running text
        (r"<ref[^<]*</ref>", ""),
        (r"<[^>]*>", ""),
        # links keep the words a reader sees: after the address, after the last bar
        (r"\[http:[^\] ]*", "["),
        (r"(?i)\|(?:thumb|left|right|[0-9]+px)", ""),
        (r"(?i)\[\[image:[^\[\]]*\|", ""),
        (r"(?i)\[\[category:([^|\]]*)[^\]]*\]\]", r"[[\1]]"),
        (r"\[\[[a-z-]*:[^\]]*\]\]", ""),  # the same page in another language
        (r"\[\[[^|\]]*\|", "[["),
        # templates and tables
        (r"\{\{[^}]*\}\}", ""),
        (r"\{[^}]*\}", ""),
        (r"[\[\]]", ""),
        (r"&[^;]*;", " "),
    )
)
DIGIT_WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
LETTERS = str.maketrans(string.ascii_uppercase, string.ascii_lowercase) | {
    ord(digit): f" {word} " for digit, word in zip(string.digits, DIGIT_WORDS, strict=True)
}
PAGE_TEXT = re.compile(r"<text [^>]*>(.*?)</text>", re.DOTALL)


def wikipedia(xml: str) -> str:
    """Reduce the pages of a Wikipedia dump to the letters a–z and single spaces, as text8 is.

    Redirects are left out. Of the other pages the visible text stays, captions and link texts
    with it; tables, templates, references and addresses go; digits are spelled, one by one.

    Parameters
    ----------
    xml : str
        The dump as written, entities and all.

    Returns
    -------
    str
        One line without an end: each page starts with a space.

    Notes
    -----
    The rules are those of Matt Mahoney's ``wikifil`` [1]_, of June 2006. They work on the
    escaped XML, so it must not be parsed first: unescaping ``&quot;`` early moves the result.

    References
    ----------
    .. [1] http://mattmahoney.net/dc/textdata.html, appendix A.
    """
    pages = PAGE_TEXT.findall(xml)
    return "".join(_page(page) for page in pages if "#redirect" not in page.lower())


def _page(text: str) -> str:
    for pattern, replacement in WIKIPEDIA_STEPS:
        text = pattern.sub(replacement, text)
    return re.sub(r"[^a-z]+", " ", f" {text.translate(LETTERS)} ").removesuffix(" ")


def tunes(files: Iterable[str]) -> str:
    """Join files of ABC tunes, a blank line between any two, as ABC asks.

    Parameters
    ----------
    files : iterable of str
        The files in the order wanted. Their lines may end in any of the usual ways.

    Returns
    -------
    str
        The tunes, lines ended by a single newline character, headers and comments kept.
    """
    return "\n\n".join("\n".join(file.splitlines()).strip("\n") for file in files) + "\n"
