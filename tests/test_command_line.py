"""The command line, run as a reader runs it: in a process of its own.

Only what would train for long is run by `small_main`, with small recipes in place of the book's.
"""

import dataclasses
import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from rnnbook import checkpoints, corpora, recipes, records
from rnnbook.__main__ import main
from rnnbook.models import CharRNN
from rnnbook.recipe import Recipe
from rnnbook.syllables import words
from rnnbook.text import Alphabet

ROOT = Path(__file__).resolve().parent.parent
SMALL = {"characters": 40_000, "hidden_size": 16, "evaluations": 2}
SMALL |= {"batch_size": 16, "unroll": 50, "learning_rate": 1e-2}


def run(*arguments, cwd, program=("-m", "rnnbook"), **environment):
    return subprocess.run(
        [sys.executable, *program, *arguments],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )


def small_main(arguments, kind=Recipe, **changes):
    """Run a command with a small tinyshakespeare recipe."""
    with pytest.MonkeyPatch.context() as patch:
        fields = dataclasses.asdict(recipes.get("tinyshakespeare", "quick"))
        small = kind(**(fields | SMALL | changes))
        patch.setitem(recipes.RECIPES["tinyshakespeare"], "quick", small)
        return main(arguments)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, corpus_text):
    """A folder with one model, trained for a moment by the train command's own code."""
    corpus_text("tinyshakespeare")
    folder = tmp_path_factory.mktemp("reader")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert small_main(["train", "tinyshakespeare", "--json"]) == 0
    return folder


MODEL = "runs/tinyshakespeare-quick"


def test_training_leaves_a_model_and_its_record(folder):
    assert sorted(os.listdir(folder / MODEL)) == ["model.safetensors", "run.json"]
    record = json.loads((folder / MODEL / "run.json").read_text())
    assert record["corpus_sha256"] == corpora.REGISTRY["tinyshakespeare"].sha256
    assert record["loss_nats"] == min(record["history"]["held_out_nats"])
    assert [table["order"] for table in record["ngrams"]] == list(range(1, 9))
    assert record["baseline_nats"] == min(table["loss_nats"] for table in record["ngrams"])
    assert record["recipe"]["characters"] == 40_000
    assert record["stopped"] == "finished"


def test_evaluating_recomputes_the_recorded_loss(folder):
    done = run("evaluate", MODEL, "--json", cwd=folder)
    row = json.loads(done.stdout)
    assert row["chars"] == 111_538
    assert row["loss_nats"] == pytest.approx(row["recorded_loss_nats"], abs=0.005)
    assert 1.6 < row["baseline_nats"] < 1.7


def test_training_again_does_not_overwrite(folder):
    before = (folder / MODEL / "model.safetensors").read_bytes()
    done = run("train", "tinyshakespeare", cwd=folder)
    assert done.returncode == 1
    assert "is there already; choose another --out" in done.stderr
    assert (folder / MODEL / "model.safetensors").read_bytes() == before


def test_a_seed_of_ones_own_is_in_the_record(tmp_path, folder):
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    small = {"characters": 8000, "evaluations": 1}
    assert small_main(["train", "tinyshakespeare", "--seed", "1", "--out", one], **small) == 0
    assert small_main(["train", "tinyshakespeare", "--seed", "2", "--out", two], **small) == 0
    assert [records.load(path)["recipe"]["seed"] for path in (one, two)] == [1, 2]
    assert records.load(one)["loss_nats"] != records.load(two)["loss_nats"]


class TestInterrupted:
    class Interrupted(Recipe):
        """Presses Ctrl-C when the run is half done."""

        def learning_rate_at(self, progress):
            if progress > 0.6:
                signal.raise_signal(signal.SIGINT)
            return super().learning_rate_at(progress)

    def test_leaves_what_was_learned_and_can_go_on(self, corpus_text, tmp_path):
        corpus_text("tinyshakespeare")
        stopped = tmp_path / "run"
        arguments = ["train", "tinyshakespeare", "--out", str(stopped)]
        assert small_main(arguments, kind=self.Interrupted) == 130
        files = ["model.safetensors", "run.json", "state.pt"]
        assert sorted(os.listdir(stopped)) == files
        half = records.load(str(stopped))
        assert half["stopped"] == "interrupted"
        assert 20_000 < half["history"]["characters"][-1] < 40_000
        assert checkpoints.pretrained(str(stopped)).facts["loss_nats"] == half["loss_nats"]

        assert small_main([*arguments, "--resume"]) == 0
        assert sorted(os.listdir(stopped)) == files[:2]
        whole = records.load(str(stopped))
        assert whole["stopped"] == "finished"
        assert whole["history"]["characters"][-1] >= 40_000
        assert checkpoints.pretrained(str(stopped)).facts["loss_nats"] == whole["loss_nats"]

    def test_is_neither_overwritten_nor_kept_nor_resumed_by_another(self, tmp_path, capsys):
        out = str(tmp_path)
        (tmp_path / "state.pt").write_bytes(b"a run that was interrupted")
        assert main(["train", "tinyshakespeare", "--out", out]) == 1
        assert "unfinished run; go on with it (--resume)" in capsys.readouterr().err
        assert main(["train", "tinyshakespeare", "--out", out, "--resume"]) == 1
        assert "state.pt is damaged" in capsys.readouterr().err
        assert os.listdir(tmp_path) == ["state.pt"]


def test_resuming_needs_something_to_resume(folder, tmp_path):
    done = run("train", "tinyshakespeare", "--resume", cwd=folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert "nothing to resume in runs/tinyshakespeare-quick: the run there is fin" in done.stderr
    done = run("train", "tinyshakespeare", "--resume", cwd=tmp_path)
    assert "there is no state.pt" in done.stderr
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_written_to_is_reported_before_anything_is_trained(tmp_path):
    (tmp_path / "file").write_text("in the way")
    done = run("train", "shakespeare", "--preset", "full", "--out", "file/run", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("rnnbook: cannot write to file/run")
    assert done.stderr.count("\n") == 1


def test_a_full_disk_is_reported_before_anything_is_trained(tmp_path):
    # Files of at most 2 kB (4 blocks of 512 bytes, or 1024): what a full disk does to a write.
    command = f"ulimit -f 4; exec {shlex.quote(sys.executable)} -m rnnbook train shakespeare"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "cannot write to runs/shakespeare-quick" in done.stderr
    assert [path.name for path in tmp_path.rglob("*")] == ["runs", "shakespeare-quick"]


def test_two_processes_train_one_model(tmp_path, corpus_text):
    """As `torchrun --nproc_per_node 2 -m rnnbook train …` does, with a small recipe."""
    corpus_text("tinyshakespeare")
    program = "from tests.test_command_line import small_main; import sys; "
    (tmp_path / "train.py").write_text(f"{program}sys.exit(small_main(sys.argv[1:]))")
    launch = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "train.py")
    arguments = ("train", "tinyshakespeare", "--json")
    environment = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = run(*arguments, cwd=tmp_path, program=launch, **environment)
    assert done.returncode == 0, done.stderr
    # Before it, PyTorch 2.9 says on standard output whom a process is connected to.
    (row,) = json.loads(done.stdout[done.stdout.index("[\n") :])  # printed once
    record = records.load(str(tmp_path / MODEL))
    assert record["processes"] == 2
    assert record["loss_nats"] == row["loss_nats"]
    assert sorted(os.listdir(tmp_path / MODEL)) == ["model.safetensors", "run.json"]


def test_snapshots_are_saved_after_their_epochs(tmp_path, corpus_text):
    corpus_text("martin_fierro")
    # An epoch has 18,709 characters.
    changes = {"corpus": "martin_fierro", "held_out": 0.9, "characters": 60_000, "evaluations": 1}
    arguments = ["train", "tinyshakespeare", "--out", str(tmp_path / "run"), "--snapshots", "1,3"]
    assert small_main(arguments, **changes) == 0
    out = str(tmp_path / "run")
    assert checkpoints.snapshots(out) == ("epoch-000", "epoch-001", "epoch-003")
    early, late = (checkpoints.pretrained(out, snapshot=f"epoch-00{n}") for n in (1, 3))
    assert early.facts["loss_nats"] > late.facts["loss_nats"]


def test_a_text_of_ones_own_is_reported_on_trained_and_measured(tmp_path, monkeypatch, capsys):
    lines = [f"El señor {n} pidió {n * n % 7} piñones; ¿quién pidió más?\n" for n in range(45)]
    (tmp_path / "a.txt").write_text("".join(lines[:20]), encoding="cp1252")
    (tmp_path / "b.txt").write_text("".join(lines[20:]), encoding="cp1252")
    monkeypatch.chdir(tmp_path)
    text = ["--text", "?.txt", "--encoding", "cp1252"]
    assert main(["train", "--text", "b.txt", "--encoding", "utf-8"]) == 1
    assert "b.txt" in capsys.readouterr().err
    assert main(["train", *text, "--json"]) == 0
    out, err = capsys.readouterr()
    assert "read as cp1252" in err
    (row,) = json.loads(out)
    model = str(Path(row["path"]).parent)
    assert sorted(os.listdir(model)) == ["model.safetensors", "run.json"]

    assert main(["evaluate", model]) == 1
    assert "a text of your own, a.txt+1; name its files again: --text" in capsys.readouterr().err
    assert main(["evaluate", model, *text, "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["loss_nats"] == pytest.approx(row["loss_nats"], abs=1e-3)
    assert main(["evaluate", model, "--text", "b.txt", "--encoding", "cp1252"]) == 1
    assert "was trained on a.txt+1 with SHA-256" in capsys.readouterr().err
    assert main(["keep", model, "own"]) == 1
    assert "a text of your own" in capsys.readouterr().err


@pytest.mark.parametrize("model", ["HiddenFeedback", "OutputFeedback"])
def test_a_vanilla_architecture_is_trained_measured_and_sampled(
    tmp_path, corpus_text, capsys, model
):
    corpus_text("martin_fierro")
    arguments = ["train", "tinyshakespeare", "--out", str(tmp_path / "run")]
    shape = {"model": model, "hidden_size": 16, "num_layers": 1, "combine": "concat"}
    middle = {"split": "middle", "held_out": 0.2, "held_out_start": 50_000}
    assert small_main(arguments, corpus="martin_fierro", **shape, **middle) == 0
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "run"), "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["chars"] == round(0.2 * len(corpus_text("martin_fierro"))) - 1
    assert row["loss_nats"] == pytest.approx(row["recorded_loss_nats"], abs=1e-4)
    assert main(["sample", str(tmp_path / "run"), "--prompt", "Aqui", "--length", "30"]) == 0
    written = capsys.readouterr().out
    assert written.startswith("Aqui\n")  # a first verse is answered in the next line
    assert len("Aqui\n") < len(written) <= len("Aqui\n") + 30 + len("\n")


def test_a_tune_is_written_to_its_end_and_no_further(tmp_path, capsys):
    alphabet = Alphabet("\nAB")
    model = CharRNN(3, hidden_size=2)
    with torch.no_grad():
        model.head.weight.zero_()
        model.head.bias.copy_(torch.tensor([1.0, 0.5, 0.5]))
    for corpus, ended in (("tune_book", True), ("plays", False)):
        path = tmp_path / corpus / "model.safetensors"
        checkpoints.save(path, model, alphabet, {"corpus": corpus})
        arguments = ["sample", str(path), "--prompt", "A\n\n", "--length", "300"]
        assert main(arguments) == 0
        written = capsys.readouterr().out[len("A\n\n") : -1]
        assert ("\n\n" in written) != ended
        assert (len(written) < 300) == ended


def test_a_first_verse_is_answered_in_words_to_the_end_of_the_sextet(capsys, corpus_text):
    known, written = set(words(corpus_text("martin_fierro"))), []
    arguments = ["sample", "martin_fierro", "--prompt", "Aquí me pongo a cantar"]
    for seed in ("1", "2", "3"):
        assert main([*arguments, "--temperature", "0.6", "--seed", seed]) == 0
        first, *others = capsys.readouterr().out.strip().split("\n")
        assert first == "Aquí me pongo a cantar"
        assert 1 <= len(others) <= 5
        written += [word for line in others for word in words(line)]
    assert sum(word in known for word in written) > 0.8 * len(written) > 8


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


def test_models_lists_what_was_trained_after_what_is_kept(folder):
    *kept, row = json.loads(run("models", "--json", cwd=folder).stdout)
    assert [row["name"] for row in kept] == sorted(
        path.parent.name for path in checkpoints.PRETRAINED.glob("*/model.safetensors")
    )
    assert row["name"] == MODEL
    assert row["corpus"] == "tinyshakespeare"
    assert row["bytes"] > 4 * row["params"] > 0
    assert 1.6 < row["baseline_nats"] < row["loss_nats"] < 3.5  # ln 65 is 4.17


def test_models_leaves_out_snapshots_and_damaged_files(folder, tmp_path):
    for name, content in (("good", None), ("bad", b"no model")):
        whole = (folder / MODEL / "model.safetensors").read_bytes()
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "model.safetensors").write_bytes(content or whole)
        (tmp_path / "runs" / name / "epoch-001.safetensors").write_bytes(whole)
    done = run("models", "--json", cwd=tmp_path)
    assert done.returncode == 0
    names = [row["name"] for row in json.loads(done.stdout)]
    assert [name for name in names if name.startswith("runs")] == ["runs/good"]
    assert "left out: runs/bad/model.safetensors is not a complete" in done.stderr


def test_corpora_reports_source_licence_and_hash(tmp_path, corpus_text):
    corpus_text("tinyshakespeare")
    (row,) = json.loads(run("corpora", "tinyshakespeare", "--json", cwd=tmp_path).stdout)
    assert row["chars"] == 1_115_394
    assert row["sha256"] == corpora.REGISTRY["tinyshakespeare"].sha256
    assert "Karpathy" in row["source"]
    assert "public domain" in row["licence"]


def test_corpora_is_readable_and_short(tmp_path):
    blocked = {"RNNBOOK_DATA": str(tmp_path), "RNNBOOK_CACHE": str(tmp_path / "file" / "cache")}
    (tmp_path / "file").write_text("in the way")
    lines = run("corpora", cwd=tmp_path, **blocked).stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(corpora.names())
    assert all("not here: " in line and len(line) < 200 for line in lines)
    (row, *_) = json.loads(run("corpora", "--json", cwd=tmp_path, **blocked).stdout)
    assert "Set RNNBOOK_CACHE to a folder" in row["error"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train"], "train one of shakespeare, shakespeare_source"),
        (["train", "shakespeare", "--text", "text.txt"], "or a text: --text FILE"),
        (["train", "shakespeare", "--encoding", "utf-8"], "--encoding says how to read"),
        (["train", "--text", "text.txt", "--preset", "full"], "--preset is for recipes"),
        (["train", "--text", "nothing.txt"], "nothing.txt"),
        (["keep", "nonsense", "nonsense"], "no record 'nonsense'"),
        (["keep", MODEL, "Big Model"], "'Big Model' is no name for a model"),
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
def test_errors_are_one_line_and_a_status(folder, arguments, says, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    (folder / "text.txt").write_text("no model at all")
    assert main(arguments) == 1
    out, err = capsys.readouterr()
    assert says in err
    assert err.count("\n") == 1
    assert out == ""


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
