"""Every model that comes with the package is as good as its record says, and has one."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from rnnbook import checkpoints, corpora, records, runs
from rnnbook.__main__ import main
from rnnbook.checkpoints import CheckpointError
from rnnbook.text import Split
from rnnbook.training import evaluate
from tests.test_command_line import small_main

KEPT = sorted(path.parent.name for path in checkpoints.PRETRAINED.glob("*/run.json"))
MIB = 2**20
# What `judge --json` and benchmarks/regularisation.py printed about a kept model; test_tables.py
# makes lines of the first again, test_benchmarks.py compares the second with its script.
TABLES = {"judged.json", "measured.json", "regularisation.json"}


def check_sizes():
    files = [path for path in checkpoints.PRETRAINED.rglob("*") if path.is_file()]
    assert max((path.stat().st_size for path in files), default=0) <= 12 * MIB
    assert sum(path.stat().st_size for path in files) <= 60 * MIB


def check_folder(name):
    """A folder holds one record, the model and the snapshots the record speaks of."""
    record = records.load(name)
    folder = checkpoints.PRETRAINED / name
    snapshots = [f"{stem}.safetensors" for stem in record["snapshots"]]
    found = sorted(path.name for path in folder.iterdir() if path.name not in TABLES)
    assert found == sorted(["model.safetensors", "run.json", *snapshots])
    sizes = {"model": record["bytes"]}
    sizes |= {stem: stored["bytes"] for stem, stored in record["snapshots"].items()}
    for stem, size in sizes.items():
        assert (folder / f"{stem}.safetensors").stat().st_size == size
    assert record["sha256"] == checkpoints.hashes(folder)


def check_record(name):
    """What a record says is what its corpus is and what its weights do."""
    record = records.load(name)
    assert record["name"] == name
    assert record["corpus_sha256"] == corpora.REGISTRY[record["corpus"]].sha256
    assert record["baseline_nats"] == min(table["loss_nats"] for table in record["ngrams"])
    history = record["history"]
    assert len({len(column) for column in history.values()}) == 1
    assert min(history["held_out_nats"]) == pytest.approx(record["trained_loss_nats"], abs=0.005)
    expected = {None: record["loss_nats"]}
    expected |= {stem: stored["loss_nats"] for stem, stored in record["snapshots"].items()}
    for snapshot, loss in expected.items():
        kept = checkpoints.pretrained(name, snapshot=snapshot)
        assert kept.facts["recipe"] == record["recipe"]
        assert kept.facts["corpus_sha256"] == record["corpus_sha256"]
        assert kept.facts["loss_nats"] == loss
        tokens = runs.held_out(kept.facts, kept.alphabet)
        assert evaluate(kept.model, tokens) == pytest.approx(loss, abs=0.005)
        assert sum(p.numel() for p in kept.model.parameters()) == record["parameters"]


def test_counts_of_rows_are_the_mean_over_the_rows():
    train = torch.arange(2000) % 7
    rows = torch.randint(0, 7, (5, 30), generator=torch.Generator().manual_seed(0))
    each = [records.count(Split(train, row), 7, 3) for row in rows]
    for order, table in enumerate(records.count(Split(train, rows), 7, 3)):
        mean = sum(counted[order]["loss_nats"] for counted in each) / 5
        assert table["loss_nats"] == pytest.approx(mean)


def test_no_weights_come_without_a_record():
    folders = {path.parent.name for path in checkpoints.PRETRAINED.glob("*/*.safetensors")}
    assert folders <= set(KEPT)


def test_kept_files_are_small():
    check_sizes()


@pytest.mark.parametrize("name", KEPT)
def test_a_kept_folder_is_complete(name):
    check_folder(name)


@pytest.mark.parametrize("name", KEPT)
def test_a_kept_model_is_as_good_as_its_record_says(name, corpus_text):
    corpus_text(records.load(name)["corpus"])
    check_record(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", KEPT)
def test_the_count_tables_of_a_record_are_counted_again(name, corpus_text):
    record = records.load(name)
    alphabet = checkpoints.pretrained(name).alphabet
    tokens = alphabet.encode(corpus_text(record["corpus"]))
    again = records.count(runs.split_by(record["recipe"], tokens), len(alphabet))
    for table, expected in zip(again, record["ngrams"], strict=True):
        assert table == pytest.approx(expected, abs=1e-6)


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory, corpus_text):
    """A finished run with a snapshot."""
    corpus_text("martin_fierro")
    out = tmp_path_factory.mktemp("runs") / "small"
    arguments = ["train", "tinyshakespeare", "--out", str(out), "--snapshots", "1"]
    small = {"corpus": "martin_fierro", "held_out": 0.9, "characters": 30_000}
    assert small_main(arguments, **small) == 0
    return out


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A place for kept models that is empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checkpoints, "PRETRAINED", tmp_path / "pretrained")
    return tmp_path / "pretrained"


@pytest.fixture
def kept(run_folder, shelf):
    assert main(["keep", str(run_folder), "small", "--json"]) == 0
    return shelf / "small"


def test_keeping_a_run_packs_it_with_its_record(kept, run_folder, capsys):
    check_sizes()
    check_folder("small")
    check_record("small")
    record, before = records.load("small"), records.load(str(run_folder))
    assert record["storage"] == "int8"
    assert record["bytes"] < (run_folder / "model.safetensors").stat().st_size / 2
    assert record["trained_loss_nats"] == pytest.approx(before["loss_nats"], abs=1e-4)
    assert record["loss_nats"] != record["trained_loss_nats"]
    capsys.readouterr()

    assert main(["evaluate", "small", "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["loss_nats"] == pytest.approx(row["recorded_loss_nats"], abs=1e-4)
    assert row["recorded_loss_nats"] == record["loss_nats"]
    assert main(["models", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["name"] == "small"
    assert row["bytes"] == record["bytes"]
    assert row["params"] == record["parameters"]


@pytest.mark.parametrize("field", ["loss_nats", "corpus_sha256", "baseline_nats", "recipe"])
def test_a_record_that_is_not_true_is_noticed(kept, field):
    path = kept / "run.json"
    record = json.loads(path.read_text())
    false = {"loss_nats": record["loss_nats"] - 0.1, "corpus_sha256": "0" * 64}
    false |= {"baseline_nats": 9.0, "recipe": record["recipe"] | {"seed": 1}}
    path.write_text(json.dumps(record | {field: false[field]}))
    with pytest.raises(AssertionError):
        check_record("small")


def test_a_file_that_the_record_does_not_speak_of_is_noticed(kept):
    (kept / "state.pt").write_bytes(b"left behind")
    with pytest.raises(AssertionError):
        check_folder("small")


def test_a_name_that_is_taken_is_refused(kept, run_folder, capsys):
    before = (kept / "model.safetensors").stat()
    assert main(["keep", str(run_folder), "small"]) == 1
    assert "is there already" in capsys.readouterr().err
    assert (kept / "model.safetensors").stat() == before


def test_an_unfinished_run_is_not_kept(run_folder, shelf, tmp_path, capsys):
    shutil.copytree(run_folder, tmp_path / "run")
    (tmp_path / "run" / "state.pt").write_bytes(b"")
    assert main(["keep", str(tmp_path / "run"), "small"]) == 1
    assert "not finished; go on with it first (--resume)" in capsys.readouterr().err
    assert not shelf.exists()


def test_a_model_that_is_too_large_is_not_kept(run_folder, shelf, monkeypatch, capsys):
    monkeypatch.setattr(runs, "MAX_BYTES", 5000)
    assert main(["keep", str(run_folder), "small"]) == 1
    assert "a kept file may have" in capsys.readouterr().err
    assert list(shelf.iterdir()) == []


@pytest.mark.parametrize("name", ["folder", "file"])
def test_a_record_is_found_by_its_place(run_folder, name):
    place = {"folder": run_folder, "file": run_folder / "run.json"}[name]
    record = records.load(str(place))
    assert record["history"]["epochs"][-1] == pytest.approx(30_000 / 18_709, rel=0.05)
    assert record["seconds"] == record["history"]["seconds"][-1] > 0
    assert [table["parameters"] for table in record["ngrams"]] == sorted(
        table["parameters"] for table in record["ngrams"]
    )
    if Path("/proc/cpuinfo").exists() and record["device"] == "cpu":
        assert record["processor"] in Path("/proc/cpuinfo").read_text()


def test_a_record_that_is_not_there_or_not_one_says_so(tmp_path, shelf):
    with pytest.raises(CheckpointError, match=r"no record 'nothing'.*none yet"):
        records.load("nothing")
    for text, says in (("{", "is not a record"), ("[]", "lacks"), ('{"name": "x"}', "corpus")):
        (tmp_path / "run.json").write_text(text)
        with pytest.raises(CheckpointError, match=says):
            records.load(str(tmp_path))
