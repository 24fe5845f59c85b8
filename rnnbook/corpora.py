"""The texts the book trains on: where each comes from, and proof that it is the right one.

A text is looked for in the folder that ``RNNBOOK_DATA`` names, then in the cache (the folder that
``RNNBOOK_CACHE`` names, or the system's own for caches), then at its origin. Wherever it is found,
its SHA-256 is checked before a character is returned. The registry of texts is in `origins`.
"""

import codecs
import glob
import hashlib
import os
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pooch

from rnnbook import own_text
from rnnbook.decoding import Decoded, NotText, decode
from rnnbook.origins import REGISTRY, Entry


class CorpusUnavailable(RuntimeError):
    """A text cannot be had, or is not the registered one; the message says what to do."""


@dataclass(frozen=True)
class Corpus:
    """A text with its papers.

    Attributes
    ----------
    name : str
        Its name in the registry; for files of your own, theirs.
    text : str
        The text, or as much of its beginning as was asked for.
    sha256 : str
        SHA-256 of the whole registered text in UTF-8, however much of it `text` holds.
    source, licence : str
        Where the text comes from, and on what terms.
    report : tuple of str
        What was guessed, changed and dropped in reading files of your own, for you to judge.
    """

    name: str
    text: str = field(repr=False)
    sha256: str
    source: str
    licence: str
    report: tuple[str, ...] = field(default=(), repr=False)


def names() -> tuple[str, ...]:
    """Name every text `load` knows, in the registry's order."""
    return tuple(REGISTRY)


def load(corpus: str | Entry, *, limit: int | None = None) -> Corpus:
    """Find a text, or fetch it, and check that it is the registered one.

    Parameters
    ----------
    corpus : str or Entry
        One of `names`, or an entry of your own.
    limit : int, optional
        Return only this many characters from the beginning. The whole file is still checked,
        but read in a stream and never held in memory.

    Returns
    -------
    Corpus
        The text, decoded from exactly the bytes that were hashed, with its source and licence.

    Raises
    ------
    ValueError
        For a name that is not registered, or a negative limit.
    CorpusUnavailable
        If the text is nowhere and cannot be fetched, if what is found or fetched has another
        SHA-256, or if the cache cannot be written to. No file of yours is changed or deleted.
    """
    if isinstance(corpus, str) and corpus not in REGISTRY:
        raise ValueError(f"there is no corpus {corpus!r}; the names are {', '.join(names())}")
    if limit is not None and limit < 0:
        raise ValueError(f"limit is a number of characters, not {limit}")
    entry = REGISTRY[corpus] if isinstance(corpus, str) else corpus
    path = _find(entry) or _fetch(entry)
    text = _read(entry, path, limit)
    return Corpus(entry.name, text, entry.sha256, entry.source, entry.licence)


def from_files(*patterns: str | Path, encoding: str | None = None) -> Corpus:
    """Read files of your own, join them with blank lines, and tidy the text up.

    Parameters
    ----------
    *patterns : str or Path
        Files, or patterns such as ``my/*.txt`` or ``~/mail/**/*.txt``, in the order wanted. The
        files of one pattern are sorted by name, and none is read twice.
    encoding : str, optional
        The encoding of all of them. Without it each is read as UTF-8 if it is that, and by a
        guess if not. A guess can be wrong: the report shows what it makes of a line.

    Returns
    -------
    Corpus
        The text, tidied up as `own_text.tidy` says, with a report of all that was decided.

    Raises
    ------
    CorpusUnavailable
        If a pattern matches no file, if one cannot be read or is no text, or if all are empty.
    """
    paths = {path.resolve(): path for pattern in patterns for path in _matches(pattern)}
    read: list[tuple[str, Decoded]] = []
    for path in paths.values():
        try:
            read.append((path.name, decode(path.read_bytes(), encoding)))
        except (OSError, NotText) as error:
            raise CorpusUnavailable(f"{path} cannot be read: {error}") from error
    text, report = own_text.join(read)
    if not text.strip():
        named = ", ".join(map(str, patterns)) or "no file at all"
        raise CorpusUnavailable(f"there is no text in {named}; name files that hold some")
    names = [path.name for path in paths.values()]
    return Corpus(
        name=names[0] + (f"+{len(names) - 1}" if len(names) > 1 else ""),
        text=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        source=f"own files: {own_text.listed(names)}",
        licence="the reader's own",
        report=tuple(report),
    )


def _matches(pattern: str | Path) -> list[Path]:
    """Find the files a pattern names; one that is a file's name to the letter means that file."""
    path = os.path.expanduser(pattern)
    if os.path.isdir(path):
        raise CorpusUnavailable(f"{pattern} is a folder; name files in it: {pattern}/*.txt")
    found = [path] if os.path.exists(path) else glob.glob(path, recursive=True)
    files = sorted(Path(file) for file in found if not os.path.isdir(file))
    if not files:
        raise CorpusUnavailable(f"no file matches {pattern} (seen from {Path.cwd()})")
    return files


def _folders() -> dict[str, Path]:
    data = os.environ.get("RNNBOOK_DATA")
    cache = os.environ.get("RNNBOOK_CACHE") or pooch.os_cache("rnnbook")
    folders = {"RNNBOOK_DATA": Path(data).expanduser()} if data else {}
    return folders | {"the cache": Path(cache).expanduser()}


def _find(entry: Entry) -> Path | None:
    paths = [folder / file for folder in _folders().values() for file in entry.files]
    return next((path for path in paths if path.is_file()), None)


def _fetch(entry: Entry) -> Path:
    """Fetch into a folder of our own, check, then rename: another process may be fetching too."""
    cache = _folders()["the cache"]
    file, expected = next(iter(entry.files.items()))
    try:
        cache.mkdir(parents=True, exist_ok=True)
        scratch = tempfile.TemporaryDirectory(dir=cache, prefix=f".{entry.name}-")
    except OSError as error:
        raise CorpusUnavailable(
            f"{file} cannot be kept in the cache {cache} ({error}). "
            "Set RNNBOOK_CACHE to a folder that can be written to."
        ) from error
    with scratch as folder:
        path = Path(folder, file)
        try:
            entry.origin.fetch(path)
        except OSError as error:
            places = " or ".join(f"{name} ({folder})" for name, folder in _folders().items())
            raise CorpusUnavailable(
                f"{file} (SHA-256 {expected}) is not in {places} and could not be fetched from "
                f"{entry.origin}: {error}. {entry.origin.remedy}, or put the file into a "
                "folder and set RNNBOOK_DATA to that folder."
            ) from error
        found = pooch.file_hash(str(path))
        if found != expected:
            raise _wrong_hash(
                f"{file}, just fetched from {entry.origin},",
                expected,
                found,
                f"It was not kept. {entry.origin.remedy}, or put the right file into a folder "
                "and set RNNBOOK_DATA to that folder.",
            )
        return path.replace(cache / file)


def _read(entry: Entry, path: Path, limit: int | None) -> str:
    advice = "Nothing was changed. Move that file away or replace it, then load again."
    if path.suffix != ".zip":
        with path.open("rb") as stream:
            text, found = _decode(stream, limit)
    else:
        found, expected = pooch.file_hash(str(path)), entry.files[path.name]
        if found != expected:
            raise _wrong_hash(str(path), expected, found, advice)
        with zipfile.ZipFile(path) as archive, archive.open(entry.name) as stream:
            text, found = _decode(stream, limit)
    if found != entry.sha256:
        raise _wrong_hash(str(path), entry.sha256, found, advice)
    return text


def _decode(stream: IO[bytes], limit: int | None) -> tuple[str, str]:
    """Return the first `limit` characters and the SHA-256 of the whole stream."""
    # A text with the right hash is sound UTF-8; a wrong one must reach the comparison.
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    digest, parts, length = hashlib.sha256(), [], 0
    while block := stream.read(2**20):
        digest.update(block)
        if limit is None or length < limit:
            parts.append(decoder.decode(block)[: None if limit is None else limit - length])
            length += len(parts[-1])
    return "".join(parts), digest.hexdigest()


def _wrong_hash(what: str, expected: str, found: str, advice: str) -> CorpusUnavailable:
    return CorpusUnavailable(
        f"{what} is not the registered file: SHA-256 expected {expected}, found {found}. {advice}"
    )
