"""A run that is interrupted, killed or cannot be saved loses nothing, and says so."""

import dataclasses
import json
import os
import resource
import signal
import subprocess
import sys
import warnings
from collections import namedtuple
from pathlib import Path

import pytest
import torch

from rnnbook import run_state
from rnnbook.recipe import Recipe
from rnnbook.run_state import StateFileError
from rnnbook.text import Split, split_end
from rnnbook.training import fit

# Dropout, a carried state and a running mean are what a careless resume forgets.
RECIPE = Recipe(
    corpus="none",
    characters=60_000,
    hidden_size=32,
    num_layers=2,
    dropout=0.3,
    batch_size=8,
    unroll=13,
    evaluations=10,
    learning_rate=5e-3,
    averaging=0.9,
)


def text() -> Split:
    return split_end(torch.randint(0, 6, (9000,), generator=torch.Generator().manual_seed(3)), 0.1)


def train(state: Path | None, recipe: Recipe = RECIPE, **settings):
    model = recipe.build(6)
    history = fit(
        model, text(), recipe, dtype=torch.float32, progress=False, state=state, **settings
    )
    return model, history


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Bits depend on how many threads share a sum; the child that is killed has one as well."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def uninterrupted(one_thread):
    return train(None)


def assert_same_run(run, other):
    (model, history), (expected, history_expected) = run, other
    for name, weights in expected.state_dict().items():
        assert torch.equal(model.state_dict()[name], weights), name
    assert history.held_out_nats == history_expected.held_out_nats
    assert history.train_nats == history_expected.train_nats
    assert history.characters == history_expected.characters


def test_a_run_killed_in_the_middle_of_an_epoch_goes_on_bit_for_bit(tmp_path, uninterrupted):
    path = tmp_path / "run" / "state.pt"
    command = [sys.executable, "-c", "from tests import test_resuming as t; t.child()", path]
    child = subprocess.Popen(
        command, cwd=Path(__file__).parent.parent, stdout=subprocess.PIPE, text=True
    )
    # Killed when it has saved three times: before the first step and after two evaluations.
    for _ in range(3):
        assert child.stdout.readline() == "saved\n"
    child.kill()
    assert child.wait() == -signal.SIGKILL
    child.stdout.close()
    saved = torch.load(path, weights_only=True)["progress"]
    assert 0 < saved["characters"] < RECIPE.characters
    assert saved["characters"] % 8100 > 8 * 13  # no epoch begins here
    assert_same_run(train(path), uninterrupted)


def child():
    """Train in a process of its own, and tell the test of every save."""
    torch.set_num_threads(1)
    save = run_state.StateFile.save

    def announced(*arguments: object) -> None:
        save(*arguments)
        print("saved", flush=True)

    run_state.StateFile.save = announced
    train(Path(sys.argv[1]))


def test_an_interrupted_run_goes_on_as_if_it_had_not_stopped(tmp_path, uninterrupted):
    path = tmp_path / "state.pt"

    def interrupt(epochs: int) -> None:
        if epochs == 2:
            signal.raise_signal(signal.SIGINT)

    _, history = train(path, after_epoch=interrupt)
    assert history.stopped == "interrupted"
    assert history.characters[-1] < RECIPE.characters
    assert_same_run(train(path), uninterrupted)


def test_a_finished_run_is_not_trained_again(tmp_path, uninterrupted):
    path = tmp_path / "state.pt"
    train(path)
    assert_same_run(train(path), uninterrupted)


def test_another_recipe_or_text_is_refused(tmp_path):
    path = tmp_path / "state.pt"
    short = dataclasses.replace(RECIPE, characters=2000, evaluations=1)
    train(path, short)
    with pytest.raises(StateFileError, match="another recipe"):
        train(path)
    with pytest.raises(StateFileError, match="another text"):
        fit(short.build(6), split_end(text().train, 0.1), short, progress=False, state=path)


def test_a_run_from_before_a_field_was_added_to_recipes_goes_on(tmp_path, uninterrupted):
    path = tmp_path / "state.pt"

    def interrupt(epochs: int) -> None:
        if epochs == 1:
            signal.raise_signal(signal.SIGINT)

    train(path, after_epoch=interrupt)
    state = torch.load(path, weights_only=True)
    recipe = json.loads(state["recipe"])
    later = ("split", "held_out_start", "model", "combine", "activation")
    state["recipe"] = json.dumps({key: v for key, v in recipe.items() if key not in later})
    torch.save(state, path)
    assert_same_run(train(path), uninterrupted)


@pytest.mark.parametrize("keep", [0, 10, 5000])
def test_a_damaged_file_is_an_error_and_is_left_alone(tmp_path, keep):
    path = tmp_path / "state.pt"
    short = dataclasses.replace(RECIPE, characters=2000, evaluations=1)
    train(path, short)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(StateFileError, match="is damaged"):
        train(path, short)
    assert path.stat().st_size == keep


def test_a_folder_that_cannot_be_written_to_is_reported_before_the_first_step(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StateFileError, match="cannot write to"):
        train(tmp_path / "file" / "state.pt", after_epoch=pytest.fail)


def test_a_disk_too_small_is_reported_before_the_first_step(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(run_state.shutil, "disk_usage", lambda _: usage(10**9, 10**9, 1000))
    with pytest.raises(StateFileError, match="make room, or choose a folder on another disk"):
        train(tmp_path / "state.pt", after_epoch=pytest.fail)
    assert list(tmp_path.iterdir()) == []


def test_a_save_that_fails_half_way_does_not_end_the_run(tmp_path, uninterrupted):
    path = tmp_path / "state.pt"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def fill(epochs: int) -> None:
        # From here on no file can grow beyond 1 kB: what a full disk does to a write.
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))

    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            run = train(path, after_epoch=fill)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert_same_run(run, uninterrupted)
    assert any("cannot save the run" in str(warning.message) for warning in caught)
    assert os.listdir(tmp_path) == ["state.pt"]  # the last good one, and nothing half-written
