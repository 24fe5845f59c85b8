"""The engine in the page against the models in Python, in a real browser."""

import json
import struct
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from rnnbook import checkpoints
from rnnbook.feedback import HiddenFeedback, OutputFeedback
from rnnbook.models import CharModel, CharRNN
from rnnbook.recipe import Recipe
from rnnbook.sampling import Sampler, distribution
from rnnbook.text import Alphabet
from tests.browsing import chromium, served

STATIC = Path(checkpoints.__file__).parent / "static" / "sampler"
ALPHABET = Alphabet("\n !,.:?abcdefghijklmnopqrstuvwxyzñé—😀")
V = len(ALPHABET)
RNN = {"hidden_size": 24}
MODELS = {
    "vanilla": (CharRNN, {"cell": "vanilla", **RNN}),
    "vanilla, two layers, embedded": (
        CharRNN,
        {"cell": "vanilla", "num_layers": 2, "embedding_size": 7, **RNN},
    ),
    "lstm": (CharRNN, {"cell": "lstm", **RNN}),
    "lstm, three layers, embedded": (
        CharRNN,
        {"cell": "lstm", "num_layers": 3, "embedding_size": 8, **RNN},
    ),
    "gru, embedded": (CharRNN, {"cell": "gru", "embedding_size": 5, **RNN}),
    "gru, three layers": (CharRNN, {"cell": "gru", "num_layers": 3, **RNN}),
    "hidden state fed back, sum": (HiddenFeedback, {"combine": "sum", **RNN}),
    "hidden state fed back, concat": (
        HiddenFeedback,
        {"combine": "concat", "activation": "relu", **RNN},
    ),
    "output fed back, distribution": (OutputFeedback, {"feedback": "distribution", **RNN}),
    "output fed back, argmax": (
        OutputFeedback,
        {"feedback": "argmax", "activation": "relu", **RNN},
    ),
    "output fed back, sampled": (OutputFeedback, {"feedback": "sampled", **RNN}),
}
# Weights and characters travel as they would on a page: the model in a file.
STEP = """async ([file, tokens]) => {
    const { readModel } = await import("/static/model.js");
    const { engineFor } = await import("/static/engine.js");
    const stored = await fetch(file, { cache: "no-store" });
    const engine = engineFor(readModel(await stored.arrayBuffer()));
    return tokens.flatMap((token) => Array.from(engine.step(token)));
}"""
READ = """async (file) => {
    const { readModel } = await import("/static/model.js");
    try {
        readModel(await (await fetch(file, { cache: "no-store" })).arrayBuffer());
        return "read";
    } catch (error) {
        return [error.constructor.name, error.message];
    }
}"""


def build(name: str) -> CharModel:
    """A model with livelier weights than untrained ones, and none where it should not be."""
    kind, shape = MODELS[name]
    torch.manual_seed(7)
    model = kind(V, **shape).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(1.5).add_(0.02 * torch.randn_like(weight))
    return model


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder on the server, with the sampler's own files in it."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "static").symlink_to(STATIC)
    (folder / "index.html").write_text("<!doctype html><title>a page</title>")
    return folder


@pytest.fixture(scope="module")
def page(site):
    with chromium() as browser, served(site) as address:
        page = browser.new_page()
        page.goto(address)
        yield page


def python_logits(model: CharModel, tokens: torch.Tensor) -> torch.Tensor:
    if isinstance(model, OutputFeedback):
        model = model.free_running()
    with torch.inference_mode():
        return model(tokens[None])[0][0]  # (T, V)


def page_logits(page, file: str, tokens: torch.Tensor) -> torch.Tensor:
    return torch.tensor(page.evaluate(STEP, [file, tokens.tolist()])).view(len(tokens), -1)


class TestFaithful:
    @pytest.mark.parametrize("storage", ["float16", "int8"])
    @pytest.mark.parametrize("name", MODELS)
    def test_the_page_scores_1000_characters_as_pytorch_does(self, page, site, name, storage):
        checkpoints.save(site / "model.safetensors", build(name), ALPHABET, {}, storage)
        model = checkpoints.load(site / "model.safetensors").model
        tokens = torch.randint(V, (1000,), generator=torch.Generator().manual_seed(1))
        expected = python_logits(model, tokens)
        assert expected.std() > 0.1  # there is something to get wrong
        found = page_logits(page, "model.safetensors", tokens)
        torch.testing.assert_close(found, expected, atol=1e-3, rtol=0)

    @pytest.mark.parametrize("name", MODELS)
    def test_the_most_likely_500_characters_are_the_same(self, page, site, name):
        checkpoints.save(site / "model.safetensors", build(name), ALPHABET, {}, "float16")
        model = checkpoints.load(site / "model.safetensors").model
        sampler = Sampler(model, ALPHABET, dtype=torch.float32)
        assert write(page, "hello: ñ😀", 500, temperature=0) == sampler.sample(
            "hello: ñ😀", 500, temperature=0
        )

    @pytest.mark.parametrize("name", MODELS)
    def test_one_wrong_tensor_shows(self, page, site, name):
        """What the comparison above would miss, it would be no proof of."""
        path = site / "model.safetensors"
        checkpoints.save(path, build(name), ALPHABET, {}, "float32")
        tokens = torch.randint(V, (100,), generator=torch.Generator().manual_seed(1))
        expected = page_logits(page, "model.safetensors", tokens)
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
        tensors = load_file(path)
        for tensor in tensors:
            corrupted = {
                key: value
                + 0.05 * (key == tensor) * torch.arange(value.numel()).view_as(value).cos()
                for key, value in tensors.items()
            }
            save_file(corrupted, site / "corrupted.safetensors", metadata)
            found = page_logits(page, "corrupted.safetensors", tokens)
            assert (found - expected).abs().max() > 1e-3, tensor

    # torch draws fewer than 16 normal numbers in another way than more.
    @pytest.mark.parametrize("hidden_size", [24, 7])
    @pytest.mark.parametrize("off_centre", [False, True])
    @pytest.mark.parametrize("name", MODELS)
    def test_the_page_draws_the_untrained_model_that_python_draws(
        self, page, site, name, off_centre, hidden_size
    ):
        kind, shape = MODELS[name]
        # The rule by which the output is fed back is no part of a recipe.
        settings = {key: value for key, value in shape.items() if key != "feedback"}
        settings["off_centre"] = off_centre
        settings["hidden_size"] = hidden_size
        recipe = Recipe("none", 1, model=kind.__name__, seed=11, **settings)
        facts = {"recipe": vars(recipe)}
        path = site / "model.safetensors"
        checkpoints.save(path, kind(V, **shape | {"hidden_size": hidden_size}), ALPHABET, facts)
        expected = recipe.build(V).state_dict()
        drawn = page.evaluate("""async () => {
            const { readModel, untrained } = await import("/static/model.js");
            const file = await fetch("model.safetensors", { cache: "no-store" });
            const { weights } = untrained(readModel(await file.arrayBuffer()));
            return Object.fromEntries([...weights].map(([name, w]) => [name, Array.from(w)]));
        }""")
        assert drawn.keys() == expected.keys()
        for key, weight in expected.items():
            found = torch.tensor(drawn[key], dtype=torch.float32).view_as(weight)
            torch.testing.assert_close(found, weight, atol=1e-5, rtol=0)


def write(page, prompt: str, length: int, *, seed: int = 0, **choice: float | int | None) -> str:
    """Let the worker write as a page would, with the model in model.safetensors."""
    order = {"temperature": 1, "topK": None, "topP": None, **choice}
    order |= {"prompt": prompt, "length": length, "seed": seed}
    script = """async (order) => {
        const worker = new Worker("/static/worker.js", { type: "module" });
        const file = await (await fetch("model.safetensors", { cache: "no-store" })).arrayBuffer();
        let text = "";
        return await new Promise((resolve, reject) => {
            worker.onmessage = ({ data }) => {
                if (data.type === "loaded") worker.postMessage({ type: "generate", order });
                for (const { character } of data.written ?? []) text += character;
                if (data.type === "error") reject(new Error(data.message));
                if (data.type === "done") resolve(text);
            };
            worker.postMessage({ type: "load", file, fresh: false });
        }).finally(() => worker.terminate());
    }"""
    return page.evaluate(script, order)


class TestSampling:
    @pytest.fixture(autouse=True)
    def stored(self, site):
        checkpoints.save(site / "model.safetensors", build("lstm"), ALPHABET, {})

    def test_a_seed_gives_one_text_on_every_reload(self, page):
        first = write(page, "a", 200, seed=5)
        page.reload()
        assert write(page, "a", 200, seed=5) == first
        assert write(page, "a", 200, seed=6) != first

    def test_the_text_is_the_one_python_draws(self, page, site):
        model = checkpoints.load(site / "model.safetensors").model
        sampler = Sampler(model, ALPHABET, dtype=torch.float32)
        settings = {"temperature": 0.8, "top_k": 12, "top_p": 0.9, "seed": 2**31 + 5}
        expected = sampler.sample("to be", 200, **settings)
        found = write(page, "to be", 200, temperature=0.8, topK=12, topP=0.9, seed=2**31 + 5)
        assert found == expected

    @pytest.mark.parametrize(
        ("temperature", "top_k", "top_p"),
        [
            (1, None, None),
            (0, None, None),
            (0.01, None, None),
            (0.7, 5, None),
            (1.3, None, 0.6),
            (1, 3, 0.5),
            (1, 1, None),
            (1, None, 1e-9),
            (2, 400, 1),
        ],
    )
    def test_the_probabilities_are_pythons(self, page, temperature, top_k, top_p):
        scores = torch.randn(60, generator=torch.Generator().manual_seed(3)) * 4
        script = """async ([scores, choice]) => {
            const { distribution } = await import("/static/sampling.js");
            return Array.from(distribution(Float32Array.from(scores), choice));
        }"""
        choice = {"temperature": temperature, "topK": top_k, "topP": top_p}
        found = torch.tensor(page.evaluate(script, [scores.tolist(), choice]), dtype=torch.double)
        expected = distribution(scores, temperature=temperature, top_k=top_k, top_p=top_p)
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)

    def test_weights_beyond_all_numbers_are_named(self, page, site):
        model = build("lstm")
        with torch.no_grad():
            model.head.weight[::2], model.head.weight[1::2] = 3e38, -3e38
            model.head.bias.fill_(3e38)
        checkpoints.save(site / "model.safetensors", model, ALPHABET, {}, "float32")
        with pytest.raises(Exception, match="no longer finite"):
            write(page, "a", 5)

    @pytest.mark.parametrize(("prompt", "said"), [("", "empty"), ("zürich ß", "ü ß")])
    def test_a_prompt_it_cannot_read_is_named(self, page, prompt, said):
        with pytest.raises(Exception, match=said):
            write(page, prompt, 5)


def file_of(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(start: int, end: int, dtype: str = "F32", shape: object = None) -> dict[str, object]:
    return {
        "dtype": dtype,
        "shape": [(end - start) // 4] if shape is None else shape,
        "data_offsets": [start, end],
    }


HOSTILE = {
    "nothing": (b"", "too short"),
    "half a length": (b"\x01\0\0", "too short"),
    "a header of 2^63 bytes": (file_of({}, length=2**63), "header of 9223372036854775808 bytes"),
    "a header longer than the file": (file_of({}, length=3), "header of 3 bytes"),
    "no JSON": (file_of(b"{not json"), "not JSON"),
    "no UTF-8": (file_of(b'{"\xff\xfe": 1}'), "not JSON"),
    "JSON 100,000 deep": (file_of(b"[" * 100_000), "not JSON"),
    "a list": (file_of([1, 2]), "not a JSON object"),
    "metadata of numbers": (file_of({"__metadata__": {"format": 1}}), "not texts"),
    "a tensor of nothing": (file_of({"a": None}), "no description"),
    "a negative offset": (file_of({"a": tensor(-8, 0, shape=[2])}, bytes(8)), "impossible offsets"),
    "an end before its start": (file_of({"a": tensor(8, 0, shape=[0])}, bytes(8)), "impossible"),
    "fractions for offsets": (file_of({"a": tensor(0.5, 4.5, shape=[1])}), "impossible offsets"),
    "three offsets": (
        file_of({"a": {**tensor(0, 4), "data_offsets": [0, 4, 8]}}, bytes(8)),
        "impossible",
    ),
    "overlapping tensors": (
        file_of({"a": tensor(0, 8), "b": tensor(4, 12)}, bytes(12)),
        "overlap",
    ),
    "one tensor twice": (file_of({"a": tensor(0, 8), "b": tensor(0, 8)}, bytes(8)), "overlap"),
    "a hole": (file_of({"a": tensor(0, 4), "b": tensor(8, 12)}, bytes(12)), "holes"),
    "bytes nobody owns": (file_of({"a": tensor(0, 4)}, bytes(9)), "there are 9"),
    "a file cut off": (file_of({"a": tensor(0, 400)}, bytes(100)), "cut off"),
    "ten gigabytes claimed": (file_of({"a": tensor(0, 10**10)}, bytes(16)), "cut off"),
    "a shape of ten gigabytes": (
        file_of({"a": tensor(0, 16, shape=[50_000, 50_000])}, bytes(16)),
        "needs 10000000000 bytes",
    ),
    "a shape beyond all numbers": (
        file_of({"a": tensor(0, 16, shape=[2**52] * 30)}, bytes(16)),
        "needs",
    ),
    "a negative shape": (file_of({"a": tensor(0, 4, shape=[-1, -1])}, bytes(4)), "valid shape"),
    "a wrong dtype": (file_of({"a": tensor(0, 4, "F8_E4M3", [4])}, bytes(4)), "F8_E4M3"),
    "a dtype that objects have": (file_of({"a": tensor(0, 4, "toString")}, bytes(4)), "toString"),
    "a name without end": (file_of({"a" * 9_000_000: tensor(0, 4, "F8")}, bytes(4)), "aaa …"),
    "a foreign file": (file_of({"a": tensor(0, 4)}, bytes(4)), "not a model of this book"),
}


class TestHostileFiles:
    @pytest.mark.parametrize("name", HOSTILE)
    def test_it_ends_in_a_message(self, page, site, name):
        content, said = HOSTILE[name]
        (site / "hostile.safetensors").write_bytes(content)
        kind, message = page.evaluate(READ, "hostile.safetensors")
        assert kind == "BadFile"
        assert said in message
        assert len(message) < 400

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"storage": "int4"}, "int4"),
            ({"storage": "float16"}, "expected F16"),
            ({"model": "Transformer"}, "Transformer"),
            ({"model": "constructor"}, "constructor"),
            ({"alphabet": '"abc"'}, "another number"),
            ({"alphabet": '"aa"'}, "occur once"),
            ({"alphabet": "{"}, "alphabet"),
            ({"hyperparameters": "null"}, "hyperparameters"),
            ({"hidden_size": 10**9}, "impossible size"),
            ({"hidden_size": -1}, "impossible size"),
            ({"hidden_size": 65_536}, "too many"),
            ({"num_layers": 10**6}, "impossible size"),
            ({"num_layers": 60_000}, "layers"),
            ({"num_layers": 2}, "lacks the tensor rnn.weight_ih_l1"),
            ({"hidden_size": 25}, "expected F32 (100, 37)"),
            ({"cell": "gru"}, "expected F32 (72, 37)"),
            ({"cell": "valueOf"}, "valueOf"),
            ({"embedding_size": 9}, "lacks the tensor embedding.weight"),
        ],
        ids=str,
    )
    def test_a_header_that_lies_ends_in_a_message(self, page, site, change, said):
        good = site / "good.safetensors"
        checkpoints.save(good, build("lstm"), ALPHABET, {})
        with safe_open(good, framework="pt") as file:
            metadata = file.metadata()
        shape = json.loads(metadata["hyperparameters"])
        for key, value in change.items():
            if key in shape:
                metadata["hyperparameters"] = json.dumps(shape | {key: value})
            else:
                metadata[key] = value
        save_file(load_file(good), site / "hostile.safetensors", metadata)
        kind, message = page.evaluate(READ, "hostile.safetensors")
        assert kind == "BadFile"
        assert said in message

    @pytest.mark.parametrize(
        ("tensor", "value", "said"),
        [
            ("head.bias", torch.full((V,), float("nan")), "not made of finite numbers"),
            ("head.weight.scale", torch.zeros(V), "positive"),
            ("head.weight.scale", torch.ones(V - 1), "expected F32"),
            ("head.weight.scale", None, "lacks the tensor head.weight.scale"),
            ("more", torch.ones(2), "other tensors"),
        ],
        ids=str,
    )
    def test_weights_that_are_none_end_in_a_message(self, page, site, tensor, value, said):
        good = site / "good.safetensors"
        checkpoints.save(good, build("gru, embedded"), ALPHABET, {}, "int8")
        assert page.evaluate(READ, "good.safetensors") == "read"
        with safe_open(good, framework="pt") as file:
            metadata = file.metadata()
        tensors = {**load_file(good), tensor: value}
        tensors = {key: kept for key, kept in tensors.items() if kept is not None}
        save_file(tensors, site / "hostile.safetensors", metadata)
        kind, message = page.evaluate(READ, "hostile.safetensors")
        assert kind == "BadFile"
        assert said in message
