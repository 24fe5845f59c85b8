"""Bytes to text: by a mark, as UTF-8, or by a guess that comes with what to judge it by.

Pure functions. Nothing here opens a file: `corpora.from_files` does.
"""

import codecs
from collections.abc import Sequence
from dataclasses import dataclass

import charset_normalizer

BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",  # begins with UTF-16's, so it is looked for first
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
SHOWN_CHARACTERS = 72
SHOWN_READINGS = 4


class NotText(ValueError):
    """Bytes that are no text, or none in the encoding asked for."""


@dataclass(frozen=True)
class Decoded:
    """Bytes turned into text.

    Attributes
    ----------
    text : str
        The text, without a byte order mark.
    encoding : str
        How the bytes were read.
    remark : str
        How it was read, or why that may be wrong, on one line.
    readings : tuple of str
        Unless it is certain, a piece of the text as it is read, and as the next best guesses
        would read it.
    """

    text: str
    encoding: str
    remark: str
    readings: tuple[str, ...] = ()


def decode(content: bytes, encoding: str | None = None) -> Decoded:
    """Turn bytes into text: by the encoding named, as UTF-8 if they are that, else by a guess.

    Parameters
    ----------
    content : bytes
        A whole file.
    encoding : str, optional
        The encoding, by any name Python knows. Without it a byte order mark decides, then
        whether the bytes are UTF-8, a few damaged ones aside, then charset-normalizer's guess.

    Raises
    ------
    NotText
        If the bytes do not fit the encoding, or look like no text at all.
    """
    if encoding is not None:
        return _decode_as_told(content, encoding)
    for mark, name in BYTE_ORDER_MARKS.items():
        if content.startswith(mark):
            return _decode_as(content, name)
    if b"\0" in content:  # the only texts with NULs are UTF-16 and UTF-32
        return _guess(content, ("utf_16", "utf_32"))
    return _decode_utf_8(content) or _guess(content)


def _decode_as(content: bytes, encoding: str) -> Decoded:
    try:
        text = content.decode(encoding).removeprefix("\ufeff")
    except LookupError as error:
        raise NotText(f"there is no encoding {encoding!r}") from error
    except UnicodeError as error:
        raise NotText(f"it is not {encoding} ({error}); name its encoding") from error
    return Decoded(text, encoding, f"read as {encoding}")


def _decode_as_told(content: bytes, encoding: str) -> Decoded:
    told, remark, others = _decode_as(content, encoding), f"read as {encoding}, as you say", []
    found = _decode_utf_8(content)
    sound = found is not None and not found.readings and not content.isascii()
    if sound and found.text != told.text:
        remark, others = f"{remark}, though it is sound UTF-8, and hardly by chance", ["utf-8"]
    return Decoded(told.text, encoding, remark, _readings(told.text, encoding, others))


def _decode_utf_8(content: bytes) -> Decoded | None:
    """Read UTF-8, leaving out a few damaged bytes; None if it is something else."""
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        return Decoded(content.decode(), "utf-8", "read as utf-8")
    except UnicodeDecodeError as error:
        text = content.decode(errors="ignore")
        lost = len(content) - len(text.encode())
        # A text in another encoding hardly holds sequences that UTF-8 accepts.
        if sum(not c.isascii() for c in text) < 3 * lost:
            return None
        line = content.count(b"\n", 0, error.start) + 1
        remark = f"read as utf-8 without its damaged bytes ({lost}, the first in line {line})"
        return Decoded(text, "utf-8", remark, _readings(text, "utf-8", []))


def _guess(content: bytes, allowed: tuple[str, ...] = ("",)) -> Decoded:
    matches = charset_normalizer.from_bytes(content)
    found = [match for match in matches if match.encoding.startswith(allowed)]
    if not found:
        why = "it holds NUL bytes" if b"\0" in content else "its bytes make sense in no encoding"
        raise NotText(f"this is not text ({why}); save it as plain text, or name its encoding")
    text, encoding = str(found[0]).removeprefix("\ufeff"), found[0].encoding
    readings = _readings(text, encoding, [match.encoding for match in found[1:]])
    return Decoded(text, encoding, f"not UTF-8; guessed to be {encoding}", readings)


def _readings(text: str, encoding: str, others: Sequence[str]) -> tuple[str, ...]:
    """Read the piece of a line that tells most about its encoding in this one and in others."""

    def read(piece: str, other: str) -> str:
        return piece.encode(encoding, "replace").decode(other, "replace")

    # Where many letters are the same in two encodings, one that is not must be in the piece.
    contradicted = {
        c: {other for other in others if read(c, other) != c} for c in set(text) if not c.isascii()
    }

    def weight(piece: str) -> tuple[int, int]:
        found = set(piece) & contradicted.keys()
        return len(set().union(*(contradicted[c] for c in found))), len(found)

    pieces = (
        line[start : start + SHOWN_CHARACTERS]
        for line in text.splitlines()
        if not line.isascii()
        for start in range(0, len(line), SHOWN_CHARACTERS)
    )
    piece = max(pieces, key=weight, default="")
    if not piece:
        return ()
    readings = {piece: encoding}
    for other in others:
        readings.setdefault(read(piece, other), other)
    shown = list(readings.items())[:SHOWN_READINGS]
    return tuple(f"as {name}: {_printable(piece)}" for piece, name in shown)


def _printable(piece: str) -> str:
    return "".join(c if c.isprintable() else "·" for c in " ".join(piece.split()))
