"""Two real processes over gloo, each with half of the streams, as many cards would run them."""

import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rnnbook import checkpoints
from tests.test_resuming import RECIPE, text, train

ROOT = Path(__file__).resolve().parent.parent
GOING_BIGGER = ROOT / "book" / "going_bigger.md"
ONE_THREAD_EACH = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def torchrun(folder: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], list[dict]]:
    """Run two processes; return how that ended and what each found."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc_per_node", "2", str(ROOT / "tests" / "two_processes.py"), str(folder)]
    done = subprocess.run(
        [*command, *arguments], env=os.environ | ONE_THREAD_EACH, capture_output=True, text=True
    )
    files = [folder / f"{rank}.json" for rank in range(2)]
    return done, [json.loads(file.read_text()) for file in files if file.exists()]


def test_two_processes_train_what_one_trains(tmp_path):
    done, ranks = torchrun(tmp_path)
    assert done.returncode == 0, done.stderr
    assert [rank["processes"] for rank in ranks] == [2, 2]
    assert [rank["main"] for rank in ranks] == [True, False]
    _, history = train(None, dataclasses.replace(RECIPE, dropout=0.0))
    for rank in ranks:
        assert rank["characters"] == history.characters
        assert rank["train_nats"] == pytest.approx(history.train_nats, abs=1e-4)
        assert rank["held_out_nats"] == pytest.approx(history.held_out_nats, abs=1e-4)


def test_two_processes_that_are_interrupted_go_on_as_if_they_had_not_stopped(tmp_path):
    """Ctrl-C reaches torchrun; each process draws dropout masks of its own."""
    _, whole = torchrun(tmp_path / "whole", "--dropout", "0.3")
    arguments = ["--dropout", "0.3", "--state", str(tmp_path / "state.pt")]
    _, stopped = torchrun(tmp_path / "stopped", *arguments, "--interrupt")
    assert [rank["stopped"] for rank in stopped] == ["interrupted", "interrupted"]
    assert 2 * len(text().train) < stopped[0]["characters"][-1] < RECIPE.characters
    done, resumed = torchrun(tmp_path / "resumed", *arguments)
    assert done.returncode == 0, done.stderr
    for rank, expected in zip(resumed, whole, strict=True):
        assert {**rank, "seconds": 0} == {**expected, "seconds": 0}


def test_a_run_of_two_processes_is_no_run_of_one(tmp_path):
    done, _ = torchrun(tmp_path / "two", "--state", str(tmp_path / "state.pt"))
    assert done.returncode == 0, done.stderr
    with pytest.raises(Exception, match=r"another processes \(2, here 1\)"):
        train(tmp_path / "state.pt", dataclasses.replace(RECIPE, dropout=0.0))


def test_a_notebook_starts_two_processes_as_the_page_says(tmp_path, corpus_text):
    corpus_text("martin_fierro")
    blocks = re.findall(r"```python\n(.*?)```", GOING_BIGGER.read_text(encoding="utf-8"), re.DOTALL)
    (shown,) = (block for block in blocks if "notebook_launcher" in block)
    small = """
from rnnbook import recipes
from rnnbook.recipe import Recipe

small = Recipe("martin_fierro", characters=4000, hidden_size=8, batch_size=4, evaluations=1)
recipes.get = lambda name, preset: small
"""
    done = subprocess.run(
        [sys.executable, "-c", small + shown],
        cwd=tmp_path,
        env=os.environ | ONE_THREAD_EACH,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    out = tmp_path / "runs" / "mine"
    assert json.loads((out / "run.json").read_text())["processes"] == 2
    assert checkpoints.pretrained(str(out)).facts["recipe"]["hidden_size"] == 8
