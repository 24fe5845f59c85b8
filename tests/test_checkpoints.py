"""A model file brings back the same model, and a bad one says what is wrong with it."""

import dataclasses
import json
import math
import os
import random
import shutil
import struct

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from rnnbook import checkpoints, packing
from rnnbook.checkpoints import CheckpointError
from rnnbook.recipe import Recipe
from rnnbook.sampling import Sampler
from rnnbook.text import Alphabet
from rnnbook.training import evaluate

ALPHABET = Alphabet("\n abcñ¡")
RECIPE = Recipe(
    corpus="made up", characters=1000, cell="gru", hidden_size=8, num_layers=2, embedding_size=3
)
FACTS = {"corpus": "made up", "loss_nats": 1.25, "recipe": dataclasses.asdict(RECIPE)}


@pytest.fixture
def model():
    """A model that has moved away from its first weights."""
    model = RECIPE.build(len(ALPHABET))
    generator = torch.Generator().manual_seed(0)
    for weight in model.parameters():
        weight.data += torch.randn(weight.shape, generator=generator)
    return model


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


def test_whoever_may_read_other_files_may_read_a_model(path):
    (path.parent / "other").touch()
    assert path.stat().st_mode == (path.parent / "other").stat().st_mode


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
    metadata = json.loads(raw[8 : 8 + size])["__metadata__"]
    tensors = load_file(path)
    change(metadata, tensors)
    save_file(tensors, path, metadata=metadata)


def lose(key):
    return lambda metadata, tensors: metadata.pop(key)


def put(key, value):
    return lambda metadata, tensors: metadata.update({key: json.dumps(value)})


def store_as(storage):
    return lambda metadata, tensors: metadata.update(storage=storage)


def call_it(model):
    return lambda metadata, tensors: metadata.update(model=model)


def reshape_model(**changes):
    def change(metadata, tensors):
        shape = json.loads(metadata["hyperparameters"]) | changes
        metadata["hyperparameters"] = json.dumps(shape)

    return change


def drop(name):
    return lambda metadata, tensors: tensors.pop(name)


def convert(name, function):
    return lambda metadata, tensors: tensors.update({name: function(tensors[name]).contiguous()})


def spoil(name, value):
    def change(metadata, tensors):
        tensors[name].flatten()[0] = value

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lose("alphabet"), "damaged header.*alphabet"),
        (lose("storage"), "damaged header.*storage"),
        (store_as("int4"), "'int4' is none of float32, float16, int8"),
        (store_as("float16"), "is float32, expected float16"),
        (store_as("int8"), "is float32, expected int8"),
        (put("alphabet", "abc"), "alphabet of 3 characters for a model of 7"),
        (put("alphabet", ["a", "b"]), "damaged header.*alphabet"),
        (put("facts", [1, 2]), "damaged header.*facts"),
        (call_it("Transformer"), "damaged header.*Transformer"),
        (call_it("HiddenFeedback"), "damaged header.*cell"),
        (put("hyperparameters", None), "damaged header.*hyperparameters"),
        (reshape_model(hidden_size=10**6), "does not hold the model it announces"),
        (reshape_model(hidden_size=10**30), "damaged header"),
        (reshape_model(hidden_size="8"), "damaged header"),
        (reshape_model(num_layers=10**9), "damaged header.*more layers than tensors"),
        (reshape_model(cell="transformer"), "damaged header.*transformer"),
        (reshape_model(colour="blue"), "damaged header.*colour"),
        (drop("head.bias"), "head.bias"),
        (spoil("head.bias", float("nan")), "head.bias is not made of finite"),
        (convert("head.bias", torch.Tensor.long), "head.bias is int64, expected float32"),
        (convert("head.bias", torch.Tensor.bfloat16), "head.bias is bfloat16, expected float32"),
        (convert("head.weight", torch.t), "size mismatch for head.weight"),
    ],
)
def test_a_mismatched_file_says_what_does_not_fit(path, change, says):
    rewrite(path, change)
    with pytest.raises(CheckpointError, match=says):
        checkpoints.load(path)


def flip(raw: bytes, chosen: random.Random) -> bytes:
    """Turn one bit over, in the header as often as in the weights."""
    start = 8 + int.from_bytes(raw[:8], "little")
    place = chosen.randrange(*chosen.choice([(0, start), (start, len(raw))]))
    return raw[:place] + bytes([raw[place] ^ 1 << chosen.randrange(8)]) + raw[place + 1 :]


def cut(raw: bytes, chosen: random.Random) -> bytes:
    """Lose the end, or a stretch from within, or have zeros in its place."""
    first, last = sorted(chosen.sample(range(len(raw)), 2))
    return chosen.choice(
        [raw[:first], raw[:first] + raw[last:], raw[:first].ljust(len(raw), b"\0")]
    )


def edit(raw: bytes, chosen: random.Random) -> bytes:
    """Write another sign into the header, as JSON may have it, or swap what two entries say."""
    size = int.from_bytes(raw[:8], "little")
    header = raw[8 : 8 + size]
    if chosen.random() < 0.5:
        place = chosen.randrange(size)
        sign = bytes([chosen.choice(b' "0123456789[]{},:abcIFnrt-.')])
        header = header[:place] + sign + header[place + 1 :]
    else:
        parts = json.loads(header)
        entries = parts if chosen.random() < 0.5 else parts["__metadata__"]
        one, other = chosen.sample(sorted(entries), 2)
        entries[one], entries[other] = entries[other], entries[one]
        header = json.dumps(parts).encode()
    return len(header).to_bytes(8, "little") + header + raw[8 + size :]


@pytest.fixture(params=["vanilla_lstm", "vanilla_concat_small"])
def copied(request, tmp_path):
    """A kept model in a folder of its own, with its record; stored as int8 and as float16."""
    shutil.copytree(checkpoints.PRETRAINED / request.param, tmp_path / "kept")
    return tmp_path / "kept" / "model.safetensors"


@pytest.mark.parametrize(("corrupt", "times"), [(flip, 60), (cut, 20), (edit, 20)])
def test_a_corrupted_file_is_an_error(copied, corrupt, times):
    raw, chosen = copied.read_bytes(), random.Random(0)
    alone = copied.with_name("alone") / copied.name
    alone.parent.mkdir()
    differ = 0
    for _ in range(times):
        bad = corrupt(raw, chosen)
        if bad == raw:
            continue
        differ += 1
        copied.write_bytes(bad)
        with pytest.raises(CheckpointError):
            checkpoints.load(copied)
        # Without its record small damage cannot be known, but it cannot do harm either.
        alone.write_bytes(bad)
        try:
            found = checkpoints.load(alone)
        except CheckpointError:
            continue
        tokens = torch.arange(200) % len(found.alphabet)
        assert math.isfinite(evaluate(found.model, tokens))
    assert differ > 0.9 * times


def test_other_weights_than_the_record_was_written_for_are_refused(copied):
    found = checkpoints.load(copied)
    found.model.head.bias.data[0] += 0.01
    checkpoints.save(copied, found.model, found.alphabet, found.facts)
    with pytest.raises(CheckpointError, match=r"not the file that run\.json was written for"):
        checkpoints.load(copied)


def test_a_damaged_record_says_so(copied):
    copied.with_name("run.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"record of model\.safetensors, is damaged"):
        checkpoints.load(copied)


@pytest.fixture
def packed(tmp_path, model):
    path = tmp_path / "model.safetensors"
    checkpoints.save(path, model, ALPHABET, FACTS, storage="int8")
    return path


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (drop("head.weight.scale"), "head.weight.scale is missing"),
        (drop("head.weight"), "head.weight"),
        (spoil("head.weight.scale", 0.0), "head.weight.scale is not made of positive numbers"),
        (spoil("head.weight.scale", -1.0), "head.weight.scale is not made of positive numbers"),
        (spoil("head.weight.scale", float("nan")), "head.weight.scale is not made of positive"),
        (spoil("head.weight.scale", float("inf")), "head.weight.scale is not made of positive"),
        (convert("head.weight.scale", torch.Tensor.half), "scale is not one float32 for each"),
        (convert("head.weight.scale", lambda t: t[:-1]), "not one float32 for each of 7 rows"),
        (convert("head.weight.scale", lambda t: t[:, None]), "not one float32 for each of 7"),
        (convert("head.weight", torch.Tensor.short), "head.weight is int16, expected int8"),
        (convert("head.weight", torch.Tensor.float), "head.weight is float32, expected int8"),
        (convert("head.weight", lambda t: t[:, :-1]), "size mismatch for head.weight"),
        (convert("head.weight", lambda t: t[None]), "head.weight is int8, expected float32"),
        (convert("head.bias", torch.Tensor.char), "head.bias is int8, expected float32"),
        (convert("head.bias", torch.Tensor.half), "head.bias is float16, expected float32"),
        (spoil("head.bias", float("inf")), "head.bias is not made of finite"),
        (store_as("float32"), "is int8, expected float32"),
    ],
)
def test_a_damaged_packed_file_says_what_does_not_fit(packed, change, says):
    rewrite(packed, change)
    with pytest.raises(CheckpointError, match=says):
        checkpoints.load(packed)


def test_int8_rows_are_within_half_a_step_of_the_weights(packed, model):
    found = checkpoints.load(packed).model.state_dict()
    for name, weight in model.state_dict().items():
        assert found[name].dtype == torch.float32
        if weight.dim() == 2:
            step = weight.abs().amax(dim=1, keepdim=True) / 127
            assert ((found[name] - weight).abs() <= 0.501 * step).all(), name
            assert not torch.equal(found[name], weight)
        else:
            assert torch.equal(found[name], weight)


def test_float16_weights_are_those_of_half_precision(tmp_path, model):
    path = tmp_path / "model.safetensors"
    checkpoints.save(path, model, ALPHABET, FACTS, storage="float16")
    assert {tensor.dtype for tensor in load_file(path).values()} == {torch.float16}
    for name, weight in checkpoints.load(path).model.state_dict().items():
        assert torch.equal(weight, model.state_dict()[name].half().float())


def test_a_packed_file_can_be_read_with_no_library(packed):
    # As the module's docstring explains it, and as a page in a browser does it.
    raw = packed.read_bytes()
    start = 8 + int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:start])
    assert header["__metadata__"]["storage"] == "int8"
    assert json.loads(header["__metadata__"]["alphabet"]) == ALPHABET.characters
    types = {"F32": "<f4", "I8": "i1"}

    def tensor(name):
        begin, end = header[name]["data_offsets"]
        array = np.frombuffer(raw[start + begin : start + end], types[header[name]["dtype"]])
        return array.reshape(header[name]["shape"])

    weight = tensor("head.weight") * tensor("head.weight.scale")[:, None]
    found = checkpoints.load(packed).model
    assert np.array_equal(weight, found.head.weight.detach().numpy())
    assert np.array_equal(tensor("head.bias"), found.head.bias.detach().numpy())


def test_a_row_of_zeros_stays_zero(tmp_path, model):
    model.head.weight.data[2] = 0.0
    path = tmp_path / "model.safetensors"
    checkpoints.save(path, model, ALPHABET, FACTS, storage="int8")
    assert not checkpoints.load(path).model.head.weight[2].any()


def test_packing_twice_changes_nothing_more(packed, tmp_path):
    found = checkpoints.load(packed)
    again = tmp_path / "again.safetensors"
    checkpoints.save(again, found.model, ALPHABET, FACTS, storage="int8")
    first, second = load_file(packed), load_file(again)
    assert all(torch.equal(first[n], second[n]) for n in first if first[n].dtype == torch.int8)


@pytest.mark.parametrize(
    ("value", "storage"), [(float("nan"), "int8"), (float("inf"), "float32"), (1e6, "float16")]
)
def test_weights_that_cannot_be_stored_are_refused_when_saving(tmp_path, model, value, storage):
    model.head.weight.data[1, 2] = value
    with pytest.raises(CheckpointError, match="weights that are not finite"):
        checkpoints.save(tmp_path / "m.safetensors", model, ALPHABET, FACTS, storage=storage)
    assert os.listdir(tmp_path) == []


def test_the_rule_takes_int8_unless_it_moves_the_loss(model):
    def measure_by(moved):
        """A loss of 2, and of 2 + `moved` for weights that are not the model's own."""
        own = model.head.weight
        half = own.half().float()

        def measure(other):
            near = torch.equal(other.head.weight, own) or torch.equal(other.head.weight, half)
            return 2.0 if near else 2.0 + moved

        return measure

    assert packing.choose(model, measure_by(0.004)) == ("int8", 2.0, 2.004)
    assert packing.choose(model, measure_by(0.006)).storage == "float16"
    assert packing.choose(model, measure_by(-0.006)).storage == "float16"


class TestSnapshots:
    @pytest.fixture
    def folder(self, path, model):
        torch.manual_seed(3)
        model.head.bias.data += 1
        for epoch in (50, 5, 1000):
            other = path.with_name(f"epoch-{epoch:03}.safetensors")
            checkpoints.save(other, model, ALPHABET, FACTS | {"loss_nats": float(epoch)})
        path.with_name("epoch-best.safetensors").write_text("no snapshot")
        return str(path.parent)

    def test_they_are_listed_in_order_from_the_untrained_model(self, folder, path):
        names = ("epoch-000", "epoch-005", "epoch-050", "epoch-1000")
        assert checkpoints.snapshots(folder) == names
        assert checkpoints.snapshots(str(path)) == names

    def test_each_is_loaded_by_its_name(self, folder):
        assert checkpoints.pretrained(folder, snapshot="epoch-005").facts["loss_nats"] == 5
        assert checkpoints.pretrained(folder).facts["loss_nats"] == 1.25

    @pytest.mark.parametrize("snapshot", ["epoch-007", "model", "../epoch-005", ""])
    def test_another_name_is_refused(self, folder, snapshot):
        with pytest.raises(CheckpointError, match="it has epoch-000, epoch-005"):
            checkpoints.pretrained(folder, snapshot=snapshot)

    def test_epoch_0_is_the_model_as_it_was_built(self, path):
        found = checkpoints.pretrained(str(path), snapshot="epoch-000")
        built = RECIPE.build(len(ALPHABET)).state_dict()
        assert all(torch.equal(w, built[n]) for n, w in found.model.state_dict().items())
        assert found.alphabet.characters == ALPHABET.characters
        assert found.facts["corpus"] == "made up"
        assert "loss_nats" not in found.facts
        assert not found.model.training

    @pytest.mark.parametrize(
        "recipe", [None, "shakespeare", {}, {"colour": "blue"}, {"hidden_size": 9}, {"cell": "x"}]
    )
    def test_epoch_0_needs_the_recipe_of_this_model(self, tmp_path, model, recipe):
        whole = isinstance(recipe, dict) and recipe
        facts = {"recipe": {**FACTS["recipe"], **recipe} if whole else recipe}
        checkpoints.save(tmp_path / "model.safetensors", model, ALPHABET, facts)
        with pytest.raises(CheckpointError, match="recipe"):
            checkpoints.pretrained(str(tmp_path), snapshot="epoch-000")


def assert_same_weights(model, expected):
    """Weights, not logits: a product's last bits may depend on where its factors lie in memory."""
    weights = model.state_dict()
    assert weights.keys() == expected.state_dict().keys()
    for name, weight in expected.state_dict().items():
        assert torch.equal(weights[name], weight), name


VANILLA = [
    dataclasses.replace(RECIPE, model="HiddenFeedback"),
    dataclasses.replace(RECIPE, model="HiddenFeedback", combine="concat", activation="relu"),
    dataclasses.replace(RECIPE, model="OutputFeedback"),
]


@pytest.mark.parametrize("recipe", VANILLA)
@pytest.mark.parametrize("storage", packing.STORAGES)
def test_the_vanilla_architectures_are_stored_too(tmp_path, recipe, storage):
    model = recipe.build(len(ALPHABET))
    path = tmp_path / "model.safetensors"
    checkpoints.save(path, model, ALPHABET, {"recipe": dataclasses.asdict(recipe)}, storage)
    found = checkpoints.load(path).model
    assert type(found) is type(model)
    assert found.hyperparameters == model.hyperparameters
    assert_same_weights(found, packing.rounded(model, storage))
    assert_same_weights(checkpoints.pretrained(str(path), snapshot="epoch-000").model, model)


def test_a_file_that_names_no_model_holds_a_char_rnn(path, model):
    rewrite(path, lose("model"))
    found = checkpoints.load(path).model
    assert found.hyperparameters == model.hyperparameters
    assert torch.equal(found.head.weight, model.head.weight)


def test_a_model_of_the_reader_s_own_class_is_refused_when_saving(path, model):
    class Own(type(model)):
        pass

    before = path.read_bytes()
    with pytest.raises(CheckpointError, match="Own is none of CharRNN, HiddenFeedback"):
        checkpoints.save(path, Own(**model.hyperparameters), ALPHABET, FACTS)
    assert path.read_bytes() == before


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
