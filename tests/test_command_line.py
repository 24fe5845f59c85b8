"""The command line, run as a reader runs it: in a process of its own."""

import json
import os
import shlex
import subprocess
import sys

import pytest

from rnnbook import corpora, recipes
from rnnbook.__main__ import main


def run(*arguments, cwd, **environment):
    return subprocess.run(
        [sys.executable, "-m", "rnnbook", *arguments],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory, corpus_text):
    """A folder with one model, trained for a moment by the train command's own code."""
    corpus_text("tinyshakespeare")
    folder = tmp_path_factory.mktemp("reader")
    small = {"characters": 40_000, "hidden_size": 16, "evaluations": 2}
    small |= {"batch_size": 16, "unroll": 50, "learning_rate": 1e-2}
    with pytest.MonkeyPatch.context() as patch:
        quick = recipes.dataclasses.replace(recipes.get("tinyshakespeare", "quick"), **small)
        patch.setitem(recipes.RECIPES["tinyshakespeare"], "quick", quick)
        patch.chdir(folder)
        assert main(["train", "tinyshakespeare", "--json"]) == 0
    return folder


MODEL = "runs/tinyshakespeare-quick"


def test_training_leaves_a_model_and_its_record(folder):
    assert sorted(os.listdir(folder / MODEL)) == ["model.safetensors", "run.json"]
    record = json.loads((folder / MODEL / "run.json").read_text())
    assert record["corpus_sha256"] == corpora.REGISTRY["tinyshakespeare"].sha256
    assert record["loss_nats"] == min(record["history"]["held_out_nats"])
    assert set(record["ngram_nats"]) == {str(n) for n in range(1, 9)}
    assert record["recipe"]["characters"] == 40_000


def test_evaluating_recomputes_the_recorded_loss(folder):
    done = run("evaluate", MODEL, "--json", cwd=folder)
    row = json.loads(done.stdout)
    assert row["chars"] == 111_538
    assert row["loss_nats"] == pytest.approx(row["recorded_loss_nats"], abs=0.005)


def test_training_again_does_not_overwrite(folder):
    before = (folder / MODEL / "model.safetensors").read_bytes()
    done = run("train", "tinyshakespeare", cwd=folder)
    assert done.returncode == 1
    assert "is there already; choose another --out" in done.stderr
    assert (folder / MODEL / "model.safetensors").read_bytes() == before


def test_sampling_writes_the_prompt_and_what_follows(folder):
    arguments = ["sample", MODEL, "--prompt", "KING", "--length", "50", "--seed", "3"]
    plain = run(*arguments, cwd=folder).stdout
    assert plain.startswith("KING")
    assert len(plain) == 4 + 50 + 1
    row = json.loads(run(*arguments, "--json", cwd=folder).stdout)[0]
    assert row["text"] + "\n" == plain
    greedy = run(*arguments, "--temperature", "0", cwd=folder).stdout
    assert greedy != plain
    assert greedy == run(*arguments, "--top-k", "1", cwd=folder).stdout


def test_models_lists_what_was_trained(folder):
    (row,) = json.loads(run("models", "--json", cwd=folder).stdout)
    assert row["name"] == MODEL
    assert row["corpus"] == "tinyshakespeare"
    assert row["bytes"] > 4 * row["params"] > 0
    assert 1.6 < row["baseline_nats"] < row["loss_nats"] < 3.5  # ln 65 is 4.17


def test_no_models_is_an_empty_list(tmp_path):
    assert json.loads(run("models", "--json", cwd=tmp_path).stdout) == []
    assert "no trained models yet" in run("models", cwd=tmp_path).stdout


def test_corpora_reports_source_licence_and_hash(tmp_path, corpus_text):
    corpus_text("tinyshakespeare")
    (row,) = json.loads(run("corpora", "tinyshakespeare", "--json", cwd=tmp_path).stdout)
    assert row["chars"] == 1_115_394
    assert row["sha256"] == corpora.REGISTRY["tinyshakespeare"].sha256
    assert "Karpathy" in row["source"]
    assert "public domain" in row["licence"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["corpora", "nonsense"], "the names are plays"),
        (["train", "nonsense"], "no recipe 'nonsense'; there are shakespeare"),
        (["train", "shakespeare", "--preset", "huge"], "no preset 'huge'"),
        (["evaluate", "nonsense"], "no model 'nonsense'"),
        (["sample", MODEL, "--prompt", "ñandú"], "'ñ' (LATIN SMALL LETTER N WITH TILDE)"),
        (["sample", MODEL, "--prompt", ""], "prompt is empty"),
        (["sample", MODEL, "--temperature", "-1"], "temperature must be 0 or more"),
        (["sample", MODEL, "--top-p", "7"], "top_p must be"),
        (["evaluate", "text.txt"], "not a complete safetensors file"),
    ],
)
def test_errors_are_one_line_and_a_status(folder, arguments, says):
    (folder / "text.txt").write_text("no model at all")
    done = run(*arguments, cwd=folder)
    assert done.returncode == 1
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_a_text_that_cannot_be_had_is_one_line_too(tmp_path):
    blocked = {"RNNBOOK_DATA": "", "RNNBOOK_CACHE": str(tmp_path / "file" / "cache")}
    (tmp_path / "file").write_text("in the way")
    done = run("corpora", "tinyshakespeare", cwd=tmp_path, **blocked)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "RNNBOOK_CACHE" in done.stderr


def test_a_closed_pipe_is_not_an_error(folder):
    command = f"{shlex.quote(sys.executable)} -m rnnbook sample {MODEL} --length 5000 | head -c 20"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], cwd=folder, capture_output=True
    )
    assert done.returncode == 0
    assert len(done.stdout) == 20
    assert done.stderr == b""
