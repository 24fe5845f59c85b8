"""The benchmarks run on tiny models and print what others read: never how fast anything is."""

import dataclasses
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import needs, regularisation
from rnnbook.text import Alphabet
from tests.browsing import chromium

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
WORKLOADS = {
    "training": {"gru-3x512", "lstm-1024"},
    "sampling": {
        f"{model}, {streams}"
        for model in ("gru-3x512", "lstm-1024")
        for streams in ("1 stream", "64 streams")
    },
}


def run(name, folder, *arguments):
    """Run a benchmark at its smallest, in an environment that has no TensorFlow."""
    # A module of this name that cannot be imported, wherever the real one is installed.
    (folder / "tensorflow_engines.py").write_text("raise ImportError('no TensorFlow')\n")
    start = (
        "import runpy, sys; "
        f"sys.path[:0] = [{str(folder)!r}, {str(BENCHMARKS)!r}]; "
        f"runpy.run_path({str(BENCHMARKS / f'{name}.py')!r}, run_name='__main__')"
    )
    quick = ["--quick", "--rounds", "1", "--seconds", "0.01"]
    command = [sys.executable, "-c", start, *quick, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True)


@pytest.mark.parametrize("name", ["training", "sampling"])
def test_the_json_has_our_engine_others_and_a_ceiling_for_every_workload(name, tmp_path):
    finished = run(name, tmp_path, "--json")
    assert "no TensorFlow" in finished.stderr
    found = json.loads(finished.stdout)
    assert {ceiling["workload"] for ceiling in found["ceilings"]} == WORKLOADS[name]
    assert all(ceiling["chars_per_s"] > 0 for ceiling in found["ceilings"])
    engines = {"rnnbook", "pytorch float32", "pytorch bfloat16"}
    if name == "training":
        engines |= {"rnnbook, memory kept", "pytorch bfloat16, memory kept"}
    for workload in WORKLOADS[name]:
        rows = [row for row in found["rows"] if row["workload"] == workload]
        assert {row["engine"] for row in rows} == engines
        assert all(row["chars_per_s"] > 0 for row in rows)
        ours = next(row["chars_per_s"] for row in rows if row["engine"] == "rnnbook")
        assert all(row["ours_is_times"] * row["chars_per_s"] == pytest.approx(ours) for row in rows)


def test_a_ceiling_is_also_told_in_operations_a_second(tmp_path):
    ceilings = json.loads(run("training", tmp_path, "--json").stdout)["ceilings"]
    (lstm,) = (ceiling for ceiling in ceilings if ceiling["workload"] == "lstm-1024")
    # By hand, for the tiny model: 8 inputs, 16 units of 4 sums, 69 characters. Each weight costs
    # two operations going forward and four going back, and a first input's gradient counts too.
    per_character = 6 * (8 * 64 + 16 * 64 + 69 * 16)
    for precision, rate in lstm["by_precision"].items():
        found = lstm["machine"][precision]["GFLOP/s"]
        assert found == pytest.approx(rate * per_character / 1e9)


def test_training_tells_how_far_gradients_are_from_float32_s(tmp_path):
    rows = json.loads(run("training", tmp_path, "--json").stdout)["rows"]
    for row in (row for row in rows if "memory kept" not in row["engine"]):
        exact = row["engine"] == "pytorch float32"
        assert row["gradient_error"] == 0 if exact else 0 <= row["gradient_error"] < 0.1


def test_the_browsers_json_has_a_row_for_every_workload():
    with chromium():
        pass  # where there is none, the test ends here
    command = [sys.executable, BENCHMARKS / "browser.py", "--quick"]
    command += ["--rounds", "1", "--length", "50"]
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = json.loads(finished.stdout)["rows"]
    assert {row["workload"] for row in rows} == WORKLOADS["training"]
    assert all(row["chars_per_s"] > 0 and row["first_character_ms"] > 0 for row in rows)
    assert all(row["longest_task_ms"] >= 0 for row in rows)


@pytest.mark.parametrize("name", ["training", "sampling"])
def test_without_json_there_is_a_table(name, tmp_path):
    lines = run(name, tmp_path).stdout.splitlines()
    for workload in WORKLOADS[name]:
        assert workload in lines
    assert sum(line.startswith("  rnnbook ") for line in lines) == len(WORKLOADS[name])


@pytest.mark.slow
def test_what_a_chapter_needs_is_measured_and_kept_in_its_place(tmp_path):
    needs.main(["02_summation", "--folder", str(tmp_path)])
    (row,) = needs.load(tmp_path)
    assert row["chapter"] == "02_summation"
    assert 5 < row["seconds"] < 300
    assert 100 < row["memory_mb"] < 4000
    assert row["texts_mb"] == 0
    needs.keep(row, tmp_path)
    assert needs.load(tmp_path) == [row]
    table = (tmp_path / "chapter_needs.md").read_text(encoding="utf-8")
    assert f"| [2](../chapters/02_summation.ipynb) | {row['seconds']} s | " in table


def test_the_lines_that_are_kept_are_of_the_scripts_own_recipes(corpus_text):
    size = len(Alphabet.of(corpus_text("martin_fierro")))
    lines = json.loads(regularisation.FILE.read_text(encoding="utf-8"))
    assert [line["what"] for line in lines] == list(regularisation.VARIANTS)
    for line in lines:
        assert line["changes"] == regularisation.VARIANTS[line["what"]]
        recipe = dataclasses.replace(regularisation.BASE, **line["changes"])
        assert line["parameters"] == sum(p.numel() for p in recipe.build(size).parameters())
        batch = recipe.batch_size * recipe.unroll
        assert 0 < line["characters"] < recipe.characters + batch
        assert 1 < line["loss_nats"] < math.log(size) / 2


def test_each_kind_of_regularisation_is_kept_in_its_place(tmp_path, monkeypatch, corpus_text):
    corpus_text("martin_fierro")
    small = {"characters": 4_000, "hidden_size": 8, "evaluations": 2}
    monkeypatch.setattr(regularisation, "BASE", dataclasses.replace(regularisation.BASE, **small))
    file = tmp_path / "lines.json"
    for names in (["averaged weights"], ["nothing", "averaged weights"]):
        regularisation.main(["--only", *names, "--file", str(file)])
    lines = json.loads(file.read_text(encoding="utf-8"))
    assert [line["what"] for line in lines] == ["nothing", "averaged weights"]
    assert lines[1]["changes"] == {"averaging": 0.99}
    assert all(2 < line["loss_nats"] < 5 for line in lines)
    assert lines[0]["loss_nats"] != lines[1]["loss_nats"]


MEASURED = json.loads((BENCHMARKS / "measured.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["training", "sampling"])
def test_the_page_says_what_was_measured(name):
    page = (BENCHMARKS / "README.md").read_text(encoding="utf-8")
    assert {ceiling["workload"] for ceiling in MEASURED[name]["ceilings"]} == WORKLOADS[name]
    for ceiling in MEASURED[name]["ceilings"]:
        rates = {
            row["engine"]: row["chars_per_s"]
            for row in MEASURED[name]["rows"]
            if row["workload"] == ceiling["workload"] and "memory kept" not in row["engine"]
        }
        ours, old = rates.pop("rnnbook"), rates["tensorflow v1"]
        best = max(rates.values())
        cells = [f"{name}, `{ceiling['workload']}`", f"{ours:,.0f}", f"{best:,.0f}"]
        cells += [f"{ours / best:.2f}", f"{old:,.0f}", f"{ours / old:.2f}"]
        cells.append(f"{ours / ceiling['chars_per_s']:.0%}")
        assert f"| {' | '.join(cells)} |" in page


def test_the_page_says_how_fast_the_sampler_was():
    page = (BENCHMARKS / "README.md").read_text(encoding="utf-8")
    gru, lstm = MEASURED["browser"]["rows"]
    assert f"| {gru['chars_per_s']:,.0f}, {lstm['chars_per_s']:,.0f} |" in page
    first = [f"{row['first_character_ms']:.0f} ms" for row in (gru, lstm)]
    assert f"| {' and '.join(first)}, none |" in page
    assert gru["longest_task_ms"] == lstm["longest_task_ms"] == 0
