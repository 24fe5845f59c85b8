"""A reader's own files: read right, or with what is needed to see that they are not."""

import dataclasses
import hashlib
import itertools
import json
import os
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import own_text as runs_by_size
from rnnbook import corpora, ngram, own_recipes, own_text, training
from rnnbook.corpora import CorpusUnavailable
from rnnbook.text import Alphabet, split_end

SPANISH = "El pingüino comió piñones; ¿quién pidió más?\n¡Ningún señor, jamás!\n" * 30
ENGLISH = "He said “no”, and the café was £5 away – naïve. It’s plain English otherwise.\n" * 50
FRENCH = "L’été, à Noël, les élèves déçus mangèrent des œufs – ça coûte 5 €.\n" * 50
RUSSIAN = "Мой дядя самых честных правил, когда не в шутку занемог,\n" * 40
JAPANESE = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。\n" * 40


@pytest.fixture
def write(tmp_path):
    """A function that writes a file into an empty folder and returns its path."""

    def written(name: str, content: str | bytes, encoding: str = "utf-8"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return written


def report(*patterns, **settings) -> str:
    return "\n".join(corpora.from_files(*patterns, **settings).report)


class TestEncodings:
    @pytest.mark.parametrize(
        ("text", "encoding", "read_as"),
        [
            (SPANISH, "utf-8", "utf-8"),
            (SPANISH, "utf-8-sig", "utf-8"),
            (SPANISH, "utf-16", "utf-16"),
            (SPANISH, "utf-32", "utf-32"),
            ("Plain words in ASCII.\n", "ascii", "utf-8"),
            ("\ufeff" + SPANISH, "utf-16-be", "utf-16"),
        ],
    )
    def test_a_mark_or_sound_utf_8_is_certain(self, write, text, encoding, read_as):
        corpus = corpora.from_files(write("a.txt", text, encoding))
        assert corpus.text == text.removeprefix("\ufeff")
        assert corpus.report[0] == f"a.txt: read as {read_as}"
        assert len(corpus.report) == 2

    @pytest.mark.parametrize(
        ("text", "encoding"),
        [
            (RUSSIAN, "koi8-r"),
            (RUSSIAN, "cp1251"),
            (JAPANESE, "shift_jis"),
            (JAPANESE, "euc_jp"),
            (SPANISH, "utf-16-le"),
        ],
    )
    def test_a_guess_that_is_right_is_still_shown(self, write, text, encoding):
        corpus = corpora.from_files(write("a.txt", text, encoding))
        assert corpus.text == text
        guessed, shown = corpus.report[:2]
        assert guessed.startswith("a.txt: not UTF-8; guessed to be ")
        assert shown.split(": ", 1)[1] in text
        assert not shown.isascii()

    @pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "mac_roman", "cp850"])
    def test_a_whole_poem_guessed_wrong_is_shown_right_by_another_guess(
        self, write, corpus_text, encoding
    ):
        poem = corpus_text("martin_fierro")
        path = write("poem.txt", poem, encoding)
        wrong = corpora.from_files(path)
        assert wrong.text != poem
        assert "¡Qué diablos! sólo son güenos" not in wrong.report[1]
        assert "¡Qué diablos! sólo son güenos" in "\n".join(wrong.report[2:5])
        assert "where a first reading is wrong, name the encoding" in wrong.report[5]

        right = corpora.from_files(path, encoding=encoding)
        assert right.text == poem.strip("\n") + "\n"
        assert right.report[0] == f"poem.txt: read as {encoding}, as you say"
        assert "¡Qué diablos! sólo son güenos" in right.report[1]

    def test_the_line_shown_tells_the_guesses_apart(self, write, corpus_text):
        # Most accents are the same letters in both; here only ¿, ¡ and ñ are not.
        poem = corpus_text("martin_fierro")[:20_000]
        lines = corpora.from_files(write("a.txt", poem, "cp1252")).report
        assert lines[1].strip() == "a.txt, as cp1250: ˇAh, si partía el corazón"
        assert lines[2].strip() == "a.txt, as cp1252: ¡Ah, si partía el corazón"

    def test_the_last_line_lets_wrong_letters_be_seen(self, write):
        path = write("a.txt", FRENCH, "cp1252")
        assert "ŕ" in corpora.from_files(path).report[-1]
        last = corpora.from_files(path, encoding="cp1252").report[-1]
        assert last.startswith("3,350 characters, 32 different, outside ASCII é")
        assert sorted(last.rpartition(" ")[2]) == sorted("’éàëçèœ–€û")

    @pytest.mark.parametrize(
        "damaged",
        [
            SPANISH.encode()[:-2] + b"\xc3",
            SPANISH.encode()[:500] + b"\xff" + SPANISH.encode()[500:],
            SPANISH.encode() + "señor".encode("cp1252"),
        ],
        ids=["cut", "one byte", "another encoding at the end"],
    )
    def test_damaged_utf_8_is_not_taken_for_something_else(self, write, damaged):
        corpus = corpora.from_files(write("a.txt", damaged))
        assert len(corpus.text) == pytest.approx(len(SPANISH), abs=6)
        assert corpus.text[:400] == SPANISH[:400]
        assert "without its damaged bytes (1, the first in line " in corpus.report[0]

    def test_an_encoding_that_contradicts_sound_utf_8_is_obeyed_and_questioned(self, write):
        corpus = corpora.from_files(write("a.txt", SPANISH), encoding="cp1252")
        assert "pingÃ¼ino" in corpus.text
        assert "though it is sound UTF-8" in corpus.report[0]
        assert any("as utf-8: " in line and "quién pidió" in line for line in corpus.report)

    def test_seven_bit_encodings_can_be_named(self, write):
        path = write("a.txt", JAPANESE, "iso2022_jp")
        assert "U+001B" in report(path)
        assert corpora.from_files(path, encoding="iso2022_jp").text == JAPANESE
        assert "UTF-8" not in report(path, encoding="iso2022_jp")

    @pytest.mark.parametrize(
        ("encoding", "says"),
        [
            ("ascii", "it is not ascii ('ascii' codec can't decode byte 0xc3"),
            ("utf-16", "it is not utf-16"),
            ("klingon", "there is no encoding 'klingon'"),
            ("hex", "there is no encoding 'hex'"),
        ],
    )
    def test_an_encoding_that_cannot_be_is_refused(self, write, encoding, says):
        path = write("a.txt", SPANISH[:-1])
        with pytest.raises(CorpusUnavailable) as caught:
            corpora.from_files(path, encoding=encoding)
        assert says in str(caught.value)
        assert str(path) in str(caught.value)

    def test_what_a_terminal_would_obey_is_not_shown(self, write):
        path = write("a.txt", SPANISH + "\x1b[2J ¡¿áéíóúüñ", "cp1252")
        assert "·[2J ¡¿áéíóúüñ" in report(path, encoding="cp1252")


class TestFiles:
    def test_patterns_in_order_their_files_by_name_and_none_twice(self, write, tmp_path):
        for name in ("b.txt", "a.txt", "deep/down/c.txt", "notes.md"):
            write(name, f"from {name}\n\n")
        corpus = corpora.from_files(
            tmp_path / "notes.md", f"{tmp_path}/**/*.txt", write("a.txt", "A")
        )
        assert corpus.text == "from notes.md\n\nA\n\nfrom b.txt\n\nfrom deep/down/c.txt\n"
        assert corpus.name == "notes.md+3"
        assert corpus.source == "own files: notes.md, a.txt, b.txt, c.txt"
        assert corpus.licence == "the reader's own"
        assert corpus.sha256 == hashlib.sha256(corpus.text.encode()).hexdigest()

    def test_the_home_folder_and_names_that_look_like_patterns(self, write, tmp_path, monkeypatch):
        monkeypatch.setenv("HOME", str(tmp_path))
        write("poem[1].txt", "one")
        write("poem1.txt", "two")
        assert corpora.from_files("~/poem[1].txt").text == "one\n"
        assert corpora.from_files("~/poem1*").text == "two\n"

    def test_nothing_of_the_machine_is_told_but_names(self, write, tmp_path):
        corpus = corpora.from_files(write("a.txt", ENGLISH, "cp1252"), write("b.txt", b""))
        said = " ".join([corpus.name, corpus.source, corpus.licence, *corpus.report])
        assert str(tmp_path) not in said
        assert corpus.name == "a.txt+1"

    def test_copies_and_empty_files_are_left_out_and_told(self, write, tmp_path):
        write("a.txt", SPANISH)
        write("a copy.txt", b"\xef\xbb\xbf" + SPANISH.encode())
        write("empty.txt", "\n\r\n")
        corpus = corpora.from_files(tmp_path / "*.txt")
        assert corpus.text == SPANISH
        assert corpus.report[:3] == (
            "a copy.txt: read as utf-8",
            "a.txt: left out, the same text as a copy.txt",
            "empty.txt: empty",
        )

    def test_files_read_alike_share_a_line(self, write, tmp_path):
        for number in range(9):
            write(f"{number}.txt", f"{number} {FRENCH}", "cp1252")
        lines = corpora.from_files(tmp_path / "*.txt").report
        assert lines[0].startswith("0.txt, 1.txt, 2.txt, 3.txt, 4.txt and 4 more: not UTF-8")
        assert lines[1].strip().startswith("0.txt, as cp1250: ")
        assert len(lines) < 8

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (bytes(range(256)) * 40, "this is not text (it holds NUL bytes)"),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(100), "this is not text"),
            (bytes(range(1, 256)) * 40, "this is not text"),
            (b"", "there is no text in"),
            (b"\r\n \n\x07\n", "there is no text in"),
        ],
        ids=["every byte", "PNG", "every byte but NUL", "empty", "blank"],
    )
    def test_what_is_no_text_is_refused_by_name(self, write, content, says):
        path = write("a.dat", content)
        with pytest.raises(CorpusUnavailable) as caught:
            corpora.from_files(path)
        assert says in str(caught.value)
        assert str(path) in str(caught.value)

    def test_every_pattern_must_match_a_file(self, write, tmp_path):
        path = write("a.txt", SPANISH)
        (tmp_path / "folder").mkdir()
        with pytest.raises(
            CorpusUnavailable, match=r"no file matches nothing\*\.txt \(seen from /"
        ):
            corpora.from_files(path, "nothing*.txt")
        with pytest.raises(CorpusUnavailable, match="no file matches"):
            corpora.from_files(tmp_path / "gone.txt")
        with pytest.raises(CorpusUnavailable, match=r"no file matches .*/fol\*"):
            corpora.from_files(tmp_path / "fol*")
        with pytest.raises(CorpusUnavailable, match=r"is a folder; name files in it: .*/\*\.txt"):
            corpora.from_files(tmp_path / "folder")
        with pytest.raises(CorpusUnavailable, match="no file at all"):
            corpora.from_files()

    def test_a_file_that_cannot_be_opened_is_named(self, tmp_path):
        (tmp_path / "a.txt").symlink_to(tmp_path / "gone.txt")
        with pytest.raises(CorpusUnavailable, match=r"a\.txt cannot be read: .*No such file"):
            corpora.from_files(tmp_path / "*.txt")

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_a_file_that_may_not_be_read_is_named(self, write):
        path = write("a.txt", SPANISH)
        path.chmod(0)
        with pytest.raises(CorpusUnavailable, match=r"a\.txt cannot be read: .*Permission"):
            corpora.from_files(path)


class TestTidy:
    def test_accents_written_apart_give_the_same_text(self, write):
        apart = unicodedata.normalize("NFD", SPANISH)
        together, joined = (
            corpora.from_files(write(name, text))
            for name, text in (("together.txt", SPANISH), ("apart.txt", apart))
        )
        assert joined.text == together.text == SPANISH
        assert joined.sha256 == together.sha256
        assert f"in the form NFC {len(apart):,} characters are {len(SPANISH):,}" in joined.report

    @pytest.mark.parametrize("end", ["\r\n", "\r"])
    def test_line_ends_of_other_systems(self, write, end):
        corpus = corpora.from_files(write("a.txt", SPANISH.replace("\n", end)))
        assert corpus.text == SPANISH
        assert "59 line ends of other systems are now newlines" in corpus.report

    def test_what_is_no_writing_is_dropped_and_named(self, write):
        corpus = corpora.from_files(write("a.txt", "soft\xadly\x07, \ufeffzero\u200b\u200b width"))
        assert corpus.text == "softly, zero width\n"
        assert corpus.report[1] == (
            "dropped, as no writing: 2 × U+200B ZERO WIDTH SPACE, 1 × U+0007 control, "
            "1 × U+00AD SOFT HYPHEN, 1 × U+FEFF ZERO WIDTH NO-BREAK SPACE"
        )
        assert len(corpus.report) == 3

    @pytest.mark.parametrize("text", ["می‌خواهم", "क्‍ष", "👩‍🚀", "tab\tstop"])
    def test_what_a_script_needs_is_kept(self, write, text):
        assert corpora.from_files(write("a.txt", text)).text == text + "\n"

    def test_traces_of_a_wrong_encoding_are_pointed_out(self, write):
        assert "traces of a wrong encoding" in report(write("a.txt", "lost \ufffd here"))
        as_latin_1 = report(write("b.txt", ENGLISH, "cp1252"), encoding="latin-1")
        assert "50 × U+0093 control" in as_latin_1
        assert "traces of a wrong encoding" in as_latin_1

    def test_only_what_is_rare_in_much_text_is_dropped(self):
        much = "a b c\n" * 100_000
        text, remarks = own_text.tidy(much + "☃☃☃☃☃" + "é" * 7 + "Q")
        assert text == much + "é" * 7 + "Q"
        assert remarks == ["dropped, as too rare to be learned: 5 × U+2603 SNOWMAN"]
        assert own_text.tidy(much * 10 + "☃" * 10)[1] == []
        assert own_text.tidy("a b c\n" * 1000 + "☃") == ("a b c\n" * 1000 + "☃", [])

    def test_a_rare_capital_of_a_common_letter_is_kept(self, corpus_text):
        poem = corpus_text("martin_fierro")
        assert poem.count("Ñ") == 1
        assert own_text.tidy(poem) == (poem, [])

    def test_a_long_list_is_cut_short_and_counted(self):
        rare = "".join(map(chr, range(0x4E00, 0x4E64)))
        _, (remark,) = own_text.tidy("a b c\n" * 100_000 + rare)
        assert remark.startswith("dropped, as too rare to be learned: 1 × U+4E00 CJK")
        assert remark.endswith(", 88 of 88 other kinds")

    @given(st.text(max_size=60))
    def test_any_text_comes_out_in_one_form(self, text):
        tidied, _ = own_text.tidy(text)
        assert own_text.tidy(tidied) == (tidied, [])
        tidied.encode()


class TestRecipe:
    SIZES = (2_000, 10_000, 29_999, 30_000, 100_000, 299_999, 300_000, 10**6, 3 * 10**6, 10**8)

    def test_more_text_gets_a_larger_model_a_longer_run_and_less_dropout(self):
        chosen = [own_recipes.for_text(size, "mine") for size in self.SIZES]
        for less, more in itertools.pairwise(chosen):
            assert less.hidden_size <= more.hidden_size
            assert less.characters <= more.characters
            assert less.dropout >= more.dropout
            assert less.held_out >= more.held_out
        assert len({recipe.hidden_size for recipe in chosen}) == len(own_recipes.BY_SIZE)

    @pytest.mark.parametrize("size", SIZES)
    def test_every_size_gives_a_model_that_reads_its_text(self, size):
        recipe = own_recipes.for_text(size, "mine")
        assert recipe.corpus == "mine"
        assert recipe.build(90).alphabet_size == 90
        assert recipe.batch_size * recipe.unroll < (1 - recipe.held_out) * size
        assert recipe.characters <= own_recipes.READINGS * size

    def test_too_little_text_says_how_much_is_needed(self):
        with pytest.raises(own_recipes.TooLittleText, match=r"note\.txt has 1,999 .* bring 2,000"):
            own_recipes.for_text(1_999, "note.txt")


def test_ten_thousand_characters_are_learned_from(write, corpus_text):
    corpus = corpora.from_files(write("song.txt", corpus_text("martin_fierro")[:10_000]))
    recipe = own_recipes.for_text(len(corpus.text), corpus.name)
    recipe = dataclasses.replace(recipe, characters=recipe.characters // 4)
    alphabet = Alphabet.of(corpus.text)
    split = split_end(alphabet.encode(corpus.text), recipe.held_out)
    model = recipe.build(len(alphabet))
    history = training.fit(model, split, recipe, device=torch.device("cpu"), progress=False)
    unigram = ngram.NGram(split.train, 1, len(alphabet)).loss_nats(split.held_out)
    assert history.best_nats < unigram - 0.5


class TestPage:
    """The page says what the package does."""

    PAGE = Path("book/own_text.md")

    @pytest.fixture(scope="class")
    @classmethod
    def page(cls, request) -> str:
        return (request.config.rootpath / cls.PAGE).read_text(encoding="utf-8")

    def test_the_report_shown_is_the_real_one(self, page, write, corpus_text):
        path = write("martin_fierro.txt", corpus_text("martin_fierro"), "cp1252")
        (shown,) = re.findall(r"```text\n(.*?)\n```", page, flags=re.DOTALL)
        assert shown == report(path)

    def test_its_recipes_are_those_of_the_package(self, page):
        rows = re.findall(
            r"^\| ([\d,]+) characters \| ([\d,]+) \| ([\d.]+) \| (\d+) % \| (.+) \|$", page, re.M
        )
        for row, (least, recipe) in zip(rows, own_recipes.BY_SIZE.items(), strict=True):
            first, units, dropout, held_out, reads = row
            assert int(first.replace(",", "")) == least
            assert int(units.replace(",", "")) == recipe.hidden_size
            assert float(dropout) == recipe.dropout
            assert int(held_out) == round(100 * recipe.held_out)
            number, unit = reads.split(" ", 1)
            assert unit in ("times", "million characters")
            if unit == "times":
                assert int(number) == own_recipes.READINGS
            else:
                assert int(number) * 1_000_000 == recipe.characters

    def test_its_table_is_made_from_the_kept_runs(self, request):
        kept = request.config.rootpath / "book" / "own_text_runs.md"
        rows = runs_by_size.load()
        assert kept.read_text(encoding="utf-8") == runs_by_size.page(rows)
        for row in rows:
            assert row["loss_nats"] < row["unigram_nats"]
            assert (
                row["hidden_size"] == own_recipes.for_text(row["characters"], "plays").hidden_size
            )

    def test_its_cells_run(self, page, tmp_path):
        (tmp_path / "my").mkdir()
        (tmp_path / "my" / "a.txt").write_text(ENGLISH + "The end.\n" * 10, encoding="utf-8")
        code = "\n".join(re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL))
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert "a.txt: read as utf-8" in done.stdout
        assert "\n8-grams: " in done.stdout
        assert sorted(os.listdir(tmp_path / "runs" / "mine")) == ["model.safetensors", "run.json"]


def test_the_table_can_be_measured_again(tmp_path, corpus_text):
    corpus_text("plays")
    script = [sys.executable, runs_by_size.__file__, "--folder", tmp_path, "--sizes", "2000"]
    done = subprocess.run([*script, "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    runs_by_size.keep(row, tmp_path)  # in place of the one that is there
    assert runs_by_size.load(tmp_path) == [row]
    assert row["characters"] == 2000
    assert row["loss_nats"] < row["unigram_nats"]
    table = (tmp_path / "own_text_runs.md").read_text(encoding="utf-8")
    assert f"| 2 kB | 128 | 0.1 M | 30 times | {row['seconds']} s | " in table
    assert row["sample"] in table
