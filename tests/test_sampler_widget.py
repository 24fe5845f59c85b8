"""The sampler as a widget: its traits, what it sends, and what stands in its place in a page."""

import base64
import json
import re

import ipywidgets
import pytest
import torch
from bs4 import BeautifulSoup
from playwright.sync_api import expect
from traitlets import TraitError

from rnnbook import checkpoints, widgets
from rnnbook.recipe import Recipe
from rnnbook.sampling import Sampler
from rnnbook.text import Alphabet, UnknownCharacters
from tests.browsing import chromium, served

ALPHABET = Alphabet("\n <>&abcdefghijklmnopqrstuvwxyz")
RECIPE = Recipe("none", 1, hidden_size=32, seed=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What a training leaves: a model and a snapshot."""
    folder = tmp_path_factory.mktemp("runs") / "small"
    model = RECIPE.build(len(ALPHABET))
    facts = {"recipe": vars(RECIPE)}
    for file in ("epoch-002.safetensors", "model.safetensors"):
        with torch.no_grad():
            for weight in model.parameters():
                weight.mul_(1.5)
        checkpoints.save(folder / file, model, ALPHABET, facts)
    return folder


@pytest.fixture
def sent(monkeypatch):
    """Everything a widget sends to its views, instead of to a kernel's connection."""
    messages = []

    def send(self, content, buffers=None):
        messages.append((content, buffers))

    monkeypatch.setattr(widgets.SamplerWidget, "send", send)
    return messages


def ask(widget, **content):
    """Deliver a message as a view would send it."""
    widget._handle_custom_msg(content, [])


class TestKernel:
    def test_weights_are_sent_when_asked_for_and_are_no_state(self, folder, sent):
        widget = widgets.SamplerWidget(str(folder))
        assert sent == []
        weights = (folder / "model.safetensors").read_bytes()
        state = widget.get_state()
        assert not any(isinstance(value, bytes | memoryview) for value in state.values())
        assert len(json.dumps(state)) < 100_000
        ask(widget, request="a", file="model.safetensors")
        assert all(content == {"request": "a", "bytes": len(weights)} for content, _ in sent)
        assert b"".join(piece for _, pieces in sent for piece in pieces) == weights

    def test_a_large_model_comes_in_pieces(self, sent):
        model = Recipe("none", 1, hidden_size=300).build(len(ALPHABET))
        ask(widgets.SamplerWidget(model, ALPHABET), request="a", file="model.safetensors")
        assert len(sent) > 1
        assert max(len(piece) for _, (piece,) in sent) <= 2**20

    @pytest.mark.parametrize("file", ["../small/model.safetensors", "run.json", "", None])
    def test_no_other_file_is_sent(self, folder, sent, file):
        ask(widgets.SamplerWidget(str(folder)), request="a", file=file)
        assert sent == []

    def test_the_moments_of_a_training_are_offered(self, folder):
        labels = [m["label"] for m in widgets.SamplerWidget(str(folder))._checkpoints]
        assert labels == ["trained", "after epoch 2", "untrained"]

    def test_a_model_with_its_alphabet_is_offered_as_it_is(self, sent, tmp_path):
        model = RECIPE.build(len(ALPHABET))
        widget = widgets.SamplerWidget(model, ALPHABET)
        assert [m["label"] for m in widget._checkpoints] == ["trained"]
        ask(widget, request="a", file="model.safetensors")
        (tmp_path / "sent.safetensors").write_bytes(b"".join(p for _, ps in sent for p in ps))
        found = checkpoints.load(tmp_path / "sent.safetensors").model.state_dict()
        assert all(torch.equal(found[name], weight) for name, weight in model.state_dict().items())

    def test_what_cannot_be_is_refused(self, folder):
        with pytest.raises(ValueError, match="alphabet"):
            widgets.SamplerWidget(RECIPE.build(len(ALPHABET)))
        with pytest.raises(UnknownCharacters, match="ü"):
            widgets.SamplerWidget(str(folder), prompt="zürich")
        with pytest.raises(checkpoints.CheckpointError, match="no model"):
            widgets.SamplerWidget("nobody")
        widget = widgets.SamplerWidget(str(folder))
        for name, value in {"temperature": -1, "top_k": 0, "top_p": 2, "length": 0}.items():
            with pytest.raises(TraitError):
                setattr(widget, name, value)

    def test_it_goes_with_other_widgets(self, folder):
        player = widgets.SamplerWidget(str(folder), temperature=0.5)
        slider = ipywidgets.FloatSlider(max=2)
        assert ipywidgets.HBox([player, slider]).children == (player, slider)
        ipywidgets.link((player, "temperature"), (slider, "value"))
        assert slider.value == 0.5
        slider.value = 1.25
        assert player.temperature == 1.25
        heard = []
        player.observe(lambda change: heard.append(change["new"]), "text")
        player.text = "abc"
        assert heard == ["abc"]

    def test_it_says_the_same_of_itself_each_time(self, folder):
        assert repr(widgets.SamplerWidget(str(folder))) == f"SamplerWidget({str(folder)!r})"


class TestPlace:
    def place(self, widget):
        (data, _) = widget._repr_mimebundle_()
        assert "application/vnd.jupyter.widget-view+json" in data
        return BeautifulSoup(data["text/html"], "html.parser")

    def test_a_sample_stands_there_as_text(self, folder):
        settings = {"temperature": 1.5, "top_k": 25, "seed": 5}
        widget = widgets.SamplerWidget(str(folder), prompt="<b>&amp ", **settings)
        place = self.place(widget)
        kept = checkpoints.load(folder / "model.safetensors")
        sampler = Sampler(kept.model, kept.alphabet, dtype=torch.float32)  # as the page computes
        sample = sampler.sample("<b>&amp ", 300, **settings)
        assert set(sample) & set("<>&")
        assert place.pre.get_text() == "<b>&amp " + sample
        assert [tag.name for tag in place.pre.find_all()] == ["b"]

    def test_only_a_kept_model_is_fetched_by_a_page(self, folder, monkeypatch):
        assert "data-rnnbook-sampler" not in str(self.place(widgets.SamplerWidget(str(folder))))
        monkeypatch.setattr(checkpoints, "PRETRAINED", folder.parent)
        widget = widgets.SamplerWidget("small", prompt="<a> &amp")
        place = self.place(widget)
        where = json.loads(place.div["data-rnnbook-sampler"])
        assert where["model"] == "small"
        assert where["settings"]["prompt"] == "<a> &amp"
        for moment in where["checkpoints"]:
            assert (folder / moment["file"]).stat().st_size == moment["bytes"]
        assert "python -m rnnbook sample small" in place.get_text()


# What anywidget does in a notebook, without the notebook: a model of traits, and a view of it.
NOTEBOOK = """async ([source, state]) => {
    const listeners = {};
    window.model = {
        changes: {},
        get: (name) => state[name],
        set(name, value) {
            state[name] = value;
            this.changes[name] = value;
            this.emit(`change:${name}`);
        },
        save_changes() {
            window.saved = { ...window.saved, ...this.changes };
            this.changes = {};
        },
        on: (name, listener) => (listeners[name] ??= []).push(listener),
        off: (name, l) => (listeners[name] = listeners[name].filter((other) => other !== l)),
        emit: (name, ...values) => (listeners[name] ?? []).forEach((listen) => listen(...values)),
        send: (content) => kernel(content),
    };
    window.deliver = (content, text) => {
        const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
        window.model.emit("msg:custom", content, [new DataView(bytes.buffer)]);
    };
    const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    const widget = await import(address);
    window.remove = widget.default.render({ model: window.model, el: document.body });
}"""


class TestNotebook:
    """The widget's one text, loaded as a notebook loads it: from memory, no files beside it."""

    @pytest.fixture
    def page(self, folder, sent, tmp_path):
        widget = widgets.SamplerWidget(str(folder), prompt="abc", length=50, seed=2)
        state = {key: value for key, value in widget.get_state().items() if key != "layout"}
        (tmp_path / "index.html").write_text("<!doctype html><title>a notebook</title>")
        with chromium() as browser, served(tmp_path) as address:
            page = browser.new_page()

            def kernel(content):
                del sent[:]
                ask(widget, **content)
                for answer, (piece,) in sent:
                    encoded = base64.b64encode(piece).decode()
                    page.evaluate("args => deliver(...args)", [answer, encoded])

            asked = []
            page.expose_function("kernel", lambda content: asked.append(content))
            page.goto(address)
            page.evaluate(NOTEBOOK, [str(widget._esm), state])
            page.get_by_role("button", name="Generate").click()
            page.wait_for_function("() => document.querySelector('progress').max > 1")
            kernel(asked[0])
            yield page

    def test_a_kernel_that_is_silent_ends_in_a_message(self, page):
        page.wait_for_function("window.saved?.text?.length === 50")
        page.clock.install()
        page.evaluate("model.send = () => {}")
        page.get_by_role("combobox", name="Model").select_option("after epoch 2")
        page.get_by_role("button", name="Generate").click()
        status = page.get_by_role("status")
        page.clock.run_for(15_000)
        expect(status).to_contain_text("Fetching the model")
        page.clock.run_for(15_000)
        expect(status).to_contain_text("run this cell again")
        expect(page.get_by_role("button", name="Generate")).to_be_enabled()

    def test_the_text_arrives_in_the_kernel(self, page, folder):
        page.wait_for_function("window.saved?.text?.length === 50")
        kept = checkpoints.load(folder / "model.safetensors")
        sampler = Sampler(kept.model, kept.alphabet, dtype=torch.float32)
        assert page.evaluate("saved.text") == sampler.sample("abc", 50, seed=2)

    def test_traits_and_controls_follow_each_other(self, page):
        page.wait_for_function("window.saved?.text?.length === 50")
        page.evaluate("model.set('temperature', 0.35), model.set('top_k', 7)")
        assert page.get_by_label(re.compile("^Temperature")).input_value() == "0.35"
        assert page.get_by_label("Top-k").input_value() == "7"
        page.get_by_label("Top-k").fill("")
        page.get_by_label("Prompt").fill("hello")
        page.wait_for_function("window.saved.prompt === 'hello' && window.saved.top_k === null")
        page.evaluate("remove()")
        page.evaluate("model.set('prompt', 'after')")
        assert page.get_by_label("Prompt").input_value() == "hello"
