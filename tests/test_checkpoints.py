"""A model file brings back the same model, and a bad one says what is wrong with it."""

import json
import os
import struct

import pytest
import torch
from safetensors.torch import save_file

from rnnbook import checkpoints
from rnnbook.checkpoints import CheckpointError
from rnnbook.models import CharRNN
from rnnbook.sampling import Sampler
from rnnbook.text import Alphabet

ALPHABET = Alphabet("\n abcñ¡")
FACTS = {"corpus": "made up", "loss_nats": 1.25}


@pytest.fixture
def model():
    torch.manual_seed(0)
    return CharRNN(len(ALPHABET), cell="gru", hidden_size=8, num_layers=2, embedding_size=3)


@pytest.fixture
def path(tmp_path, model):
    path = tmp_path / "new folder" / "model.safetensors"
    checkpoints.save(path, model, ALPHABET, FACTS)
    return path


def test_a_loaded_model_writes_the_same_text(path, model):
    found = checkpoints.load(path)
    texts = [Sampler(m, ALPHABET).sample("ab", 200, seed=1) for m in (model, found.model)]
    assert texts[0] == texts[1]
    assert found.alphabet.characters == ALPHABET.characters
    assert found.facts == FACTS
    assert not found.model.training


def test_one_file_is_all_there_is(path):
    assert os.listdir(path.parent) == ["model.safetensors"]
    assert checkpoints.pretrained(str(path)).facts == FACTS
    assert checkpoints.pretrained(str(path.parent)).facts == FACTS


def test_a_model_can_be_loaded_onto_another_device(path):
    # "meta" is the one other device every machine has.
    weight = checkpoints.load(path, device="meta").model.head.weight
    assert weight.device.type == "meta"


def test_a_model_saved_from_another_type_of_storage_is_whole(tmp_path, model):
    model.head.weight = torch.nn.Parameter(torch.randn(8, len(ALPHABET)).T)  # not contiguous
    checkpoints.save(tmp_path / "m.safetensors", model, ALPHABET, FACTS)
    found = checkpoints.load(tmp_path / "m.safetensors").model.head.weight
    assert torch.equal(found, model.head.weight)


@pytest.mark.parametrize("kept", [0, 4, 100, -1])
def test_a_truncated_file_says_so(path, kept):
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match="not a complete safetensors file"):
        checkpoints.load(path)


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(CheckpointError, match="no file"):
        checkpoints.load(tmp_path / "nothing.safetensors")


def test_a_folder_or_a_pickle_is_not_loaded(tmp_path):
    torch.save({"weight": torch.zeros(3)}, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match="safetensors"):
        checkpoints.load(tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError):
        checkpoints.load(tmp_path)


def test_a_foreign_safetensors_file_is_refused(tmp_path):
    save_file({"weight": torch.zeros(3)}, tmp_path / "foreign.safetensors")
    with pytest.raises(CheckpointError, match="not a model of this book"):
        checkpoints.load(tmp_path / "foreign.safetensors")


def rewrite(path, change):
    """Change a file's header or tensors and write it again as a well-formed file."""
    raw = path.read_bytes()
    (size,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + size])
    metadata = header.pop("__metadata__")
    tensors = checkpoints.load(path).model.state_dict()
    change(metadata, tensors)
    save_file(tensors, path, metadata=metadata)


def lose_alphabet(metadata, tensors):
    del metadata["alphabet"]


def shorten_alphabet(metadata, tensors):
    metadata["alphabet"] = '"abc"'


def grow_model(metadata, tensors):
    shape = json.loads(metadata["hyperparameters"]) | {"hidden_size": 10**6}
    metadata["hyperparameters"] = json.dumps(shape)


def name_another_cell(metadata, tensors):
    shape = json.loads(metadata["hyperparameters"]) | {"cell": "transformer"}
    metadata["hyperparameters"] = json.dumps(shape)


def drop_tensor(metadata, tensors):
    del tensors["head.bias"]


def spoil_tensor(metadata, tensors):
    tensors["head.bias"][0] = float("nan")


def change_type(metadata, tensors):
    tensors["head.bias"] = tensors["head.bias"].long()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lose_alphabet, "damaged header.*alphabet"),
        (shorten_alphabet, "alphabet of 3 characters for a model of 7"),
        (grow_model, "does not hold the model it announces"),
        (name_another_cell, "damaged header.*transformer"),
        (drop_tensor, "head.bias"),
        (spoil_tensor, "head.bias is not made of finite"),
        (change_type, "head.bias"),
    ],
)
def test_a_mismatched_file_says_what_does_not_fit(path, change, says):
    rewrite(path, change)
    with pytest.raises(CheckpointError, match=says):
        checkpoints.load(path)


def test_a_folder_that_cannot_be_written_is_reported(tmp_path, model):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CheckpointError, match="cannot write"):
        checkpoints.save(tmp_path / "file" / "m.safetensors", model, ALPHABET, FACTS)


def test_a_failed_save_leaves_the_old_file(path, model):
    before = path.read_bytes()
    with pytest.raises(TypeError):
        checkpoints.save(path, model, ALPHABET, {"not": object()})
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["model.safetensors"]


def test_an_unknown_name_says_how_to_train_one():
    with pytest.raises(CheckpointError, match="python -m rnnbook train"):
        checkpoints.pretrained("no such model")
