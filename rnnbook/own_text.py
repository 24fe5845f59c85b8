"""A reader's own files: joined into one text, tidied up, with a report of all that was done.

Pure functions. Nothing here opens a file: `corpora.from_files` does.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence

from rnnbook.decoding import Decoded

LINE_ENDS = re.compile("\r\n|[\r\v\f\u2028\u2029]")
# Persian, Hindi and others cannot be written without the joiners.
KEPT_CONTROLS = "\n\t\u200c\u200d"
LISTED_KINDS = 12
LISTED_NAMES = 5


def join(files: Sequence[tuple[str, Decoded]]) -> tuple[str, list[str]]:
    """Join files into one text, a blank line between any two, and tidy it up.

    Parameters
    ----------
    files : sequence of (name, Decoded)
        The files in the order wanted. Of copies only the first is taken: one read in training
        must not stand in the held-out part as well.

    Returns
    -------
    text : str
        The text, ending in one newline.
    report : list of str
        How each file was read, what was changed and dropped, and what is left.
    """
    groups: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    first_names: dict[str, str] = {}
    for name, decoded in files:
        text, remark, readings = decoded.text.strip("\r\n"), decoded.remark, decoded.readings
        if not text:
            remark, readings = "empty", ()
        elif text in first_names:
            remark, readings = f"left out, the same text as {first_names[text]}", ()
        else:
            first_names[text] = name
        groups.setdefault(remark, []).append((name, readings))
    report = []
    for remark, members in groups.items():
        report.append(f"{listed([name for name, _ in members])}: {remark}")
        name, readings = max(members, key=lambda member: len(member[1]))
        report += [f"    {name}, {reading}" for reading in readings]
    if any(readings for members in groups.values() for _, readings in members):
        report.append("where a first reading is wrong, name the encoding that reads it right")
    text, changes = tidy("\n\n".join(first_names) + "\n")
    return text, [*report, *changes, _size(text)]


def listed(names: Sequence[str]) -> str:
    """List a few names, and count the others."""
    more = f" and {len(names) - LISTED_NAMES} more" if len(names) > LISTED_NAMES else ""
    return ", ".join(names[:LISTED_NAMES]) + more


def tidy(text: str) -> tuple[str, list[str]]:
    r"""Bring a text into one form, and leave out what a model cannot learn.

    Line ends become ``\n``, the text NFC. Control and format characters go, except the joiners
    U+200C and U+200D; so does U+FFFD, which stands for something lost earlier; and so do those
    outside ASCII that come, in either case, fewer than ten times and less than once in 100,000
    characters.

    Returns
    -------
    text : str
        The text that is left.
    remarks : list of str
        What was changed and dropped.
    """
    remarks = []
    text, ends = LINE_ENDS.subn("\n", text)
    if ends:
        remarks.append(f"{ends:,} line ends of other systems are now newlines")
    junk = {c: n for c, n in Counter(text).items() if _is_junk(c)}
    text = _without(text, junk)
    if junk:
        remarks.append(f"dropped, as no writing: {_listed_characters(junk)}")
    if any("\x80" <= c <= "\x9f" or c == "\ufffd" for c in junk):
        remarks.append("U+0080 to U+009F and U+FFFD are the traces of a wrong encoding")
    composed = unicodedata.normalize("NFC", text)
    if composed != text:
        remarks.append(f"in the form NFC {len(text):,} characters are {len(composed):,}")
    enough = min(10, len(composed) / 100_000)
    counts = Counter(composed)
    either_case: Counter[str] = Counter()  # a rare capital is no stray if its small letter is none
    for c, n in counts.items():
        either_case[c.lower()] += n
    rare = {c: n for c, n in counts.items() if either_case[c.lower()] < enough and not c.isascii()}
    if rare:
        remarks.append(f"dropped, as too rare to be learned: {_listed_characters(rare)}")
    return _without(composed, rare), remarks


def _is_junk(character: str) -> bool:
    if character in KEPT_CONTROLS:
        return False
    return unicodedata.category(character) in ("Cc", "Cf", "Cs") or character == "\ufffd"


def _without(text: str, characters: Mapping[str, int]) -> str:
    return text.translate(dict.fromkeys(map(ord, characters))) if characters else text


def _listed_characters(counts: Mapping[str, int]) -> str:
    """List characters by name and count, the commonest first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    parts = [
        f"{n:,} × U+{ord(c):04X} {unicodedata.name(c, 'control')}"
        for c, n in ordered[:LISTED_KINDS]
    ]
    if others := ordered[LISTED_KINDS:]:
        parts.append(f"{sum(n for _, n in others):,} of {len(others):,} other kinds")
    return ", ".join(parts)


def _size(text: str) -> str:
    """Say how long a text is, and show its characters outside ASCII, the commonest first."""
    counts = Counter(text)
    foreign = [c for c, _ in counts.most_common() if not c.isascii()]
    shown = f"outside ASCII {''.join(foreign[:60])}{'…' * (len(foreign) > 60)}"
    return (
        f"{len(text):,} characters, {len(counts):,} different, {shown if foreign else 'all ASCII'}"
    )
