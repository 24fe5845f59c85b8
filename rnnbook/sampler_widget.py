"""A widget in which a model writes, in the reader's browser.

The kernel sends the weights once, as they are stored; the modules in ``static/sampler`` do the
rest. The same modules are in the rendered book: there the widget's place holds HTML that says what
to fetch, and what to show where nothing can be.
"""

import html
import json
import re
import tempfile
from pathlib import Path

import anywidget
import torch
from traitlets import Dict, Enum, Float, Int, List, Unicode, default

from rnnbook import checkpoints
from rnnbook.checkpoints import Checkpoint, Facts
from rnnbook.forms import FORMS, Form, ended, whole_prompt
from rnnbook.models import CharModel
from rnnbook.sampling import Sampler
from rnnbook.text import Alphabet

STATIC = Path(__file__).parent / "static" / "sampler"
# The modules of the widget and of its worker, each after those it imports.
WIDGET = (
    *("elements", "header", "controls", "writer", "written_text"),
    *("abc", "score", "synth", "player", "tune", "sampler", "widget"),
)
WORKER = ("safetensors", "random", "model", "sampling", "linear", "engine", "worker")
PIECE = 2**20  # bytes in one message, so that the reader sees them come
RECORDED = 300  # characters that stand in the page before anything is fetched


def joined(*names: str) -> str:
    """Join modules of ``static/sampler`` into one text, each after those it imports.

    What they import is then defined above, under the same name, and what they export is for the
    modules below.
    """
    sources = ((STATIC / f"{name}.js").read_text(encoding="utf-8") for name in names)
    text = re.sub(r"^import [^;]*;\n", "", "".join(sources), flags=re.MULTILINE)
    return re.sub(r"^export (?!default)", "", text, flags=re.MULTILINE)


class SamplerWidget(anywidget.AnyWidget):
    """A sampler: prompt, temperature and the rest, and text shaded by what the model thought of it.

    All its settings are traits, and so is the text: read them, set them, observe and link them.

    Parameters
    ----------
    model : str, CharRNN, HiddenFeedback or OutputFeedback
        What writes. A name is looked up as in `checkpoints.pretrained`; then the reader can
        also choose its snapshots and the model before training.
    alphabet : Alphabet, optional
        The alphabet of a model that is not given by name.
    form : {"text", "tune", "verse"}
        What the model writes, fixed once the sampler is made. A tune ends at its empty line, its
        metre and key can be chosen, and it can be seen and heard; for that alone the page asks
        another host, for abcjs, when the reader says so. With verse the sampler is a *payada*:
        the reader gives the first verse, the model answers to the end of the sextet.
    prompt : str
        Text to go on from.
    length : int
        Characters to write, at most 5,000.
    temperature : float
        From 0 to 2, as in `sampling.distribution`.
    top_k, top_p : int and float, optional
        As in `sampling.distribution`.
    seed : int
        The same seed gives the same text.

    Attributes
    ----------
    text : str
        What the model last wrote, without the prompt.

    Raises
    ------
    CheckpointError
        If there is no model of that name, or its file is damaged.
    UnknownCharacters
        If the prompt holds characters the alphabet lacks.
    ValueError
        If a model comes without its alphabet, or the prompt is empty.
    """

    _esm = joined(*WIDGET)
    _css = (STATIC / "sampler.css").read_text(encoding="utf-8")
    _worker = Unicode(joined(*WORKER)).tag(sync=True)
    _name = Unicode().tag(sync=True)
    _checkpoints = List(Dict()).tag(sync=True)
    _form = Dict().tag(sync=True)

    form = Enum(list(FORMS), "text")
    prompt = Unicode().tag(sync=True)
    length = Int(500, min=1, max=5000).tag(sync=True)
    temperature = Float(1.0, min=0.0, max=2.0).tag(sync=True)
    top_k = Int(None, min=1, allow_none=True).tag(sync=True)
    top_p = Float(None, min=0.001, max=1.0, allow_none=True).tag(sync=True)
    seed = Int(0).tag(sync=True)
    text = Unicode().tag(sync=True)

    def __init__(
        self,
        model: str | CharModel,
        alphabet: Alphabet | None = None,
        **settings: str | float | None,
    ) -> None:
        if isinstance(model, str):
            path = checkpoints.find(model)
            found = checkpoints.load(path)
            kept = path.is_relative_to(checkpoints.PRETRAINED)
            offered = moments(path, found.facts)
            files = [path.with_name(str(moment["file"])) for moment in offered]
            self._files = {file.name: file.read_bytes() for file in files}
        elif alphabet is None:
            raise ValueError("a model without a name needs its alphabet: give it after the model")
        else:
            found, kept = Checkpoint(model, alphabet, {}), False
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "model.safetensors")
                checkpoints.save(path, model, alphabet, {})
                offered = moments(path, {})
                self._files = {path.name: path.read_bytes()}
        name = model if isinstance(model, str) else type(model).__name__
        super().__init__(_name=name, _checkpoints=offered, **settings)
        self._place = self._make_place(found, kept)
        self.on_msg(self._send_weights)

    @default("_form")
    def _description(self) -> Form:
        return FORMS[self.form]

    @default("prompt")
    def _first_prompt(self) -> str:
        return FORMS[self.form].get("prompt", "\n")

    def _send_weights(self, _widget: object, content: dict[str, str], _buffers: object) -> None:
        weights = self._files.get(content.get("file", ""), b"")
        answer = {"request": content["request"], "bytes": len(weights)}
        for start in range(0, len(weights), PIECE):
            self.send(answer, [weights[start : start + PIECE]])

    def __repr__(self) -> str:
        """Return the same text each time: it stands in the notebook."""
        return f"SamplerWidget({self._name!r})"

    def _repr_mimebundle_(
        self, **kwargs: object
    ) -> tuple[dict[str, object], dict[str, object]] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        return bundle and ({**bundle[0], "text/html": self._place}, bundle[1])

    def _make_place(self, found: Checkpoint, kept: bool) -> str:
        """Return what stands in a page: a sample and, for a kept model, where a sampler goes."""
        choice = {name: getattr(self, name) for name in ("temperature", "top_k", "top_p", "seed")}
        prompt = whole_prompt(self._form, self.prompt)
        # In float32, as the page computes: the same seed then begins the same text there.
        sampler = Sampler(found.model, found.alphabet, dtype=torch.float32)
        sample = sampler.sample(prompt, RECORDED, **choice)
        sample = ended(self._form, prompt, sample)
        shown = html.escape(prompt.removeprefix(self._form.get("before", "")))
        language = f' lang="{self._form["language"]}"' if "language" in self._form else ""
        place, how = "", "Run this notebook to write with the model yourself."
        if kept:
            settings = {"prompt": self.prompt, "length": self.length, **choice}
            where = {
                "model": self._name,
                "settings": settings,
                "checkpoints": self._checkpoints,
                "form": self._form,
            }
            place = f' data-rnnbook-sampler="{html.escape(json.dumps(where))}"'
            command = html.escape(f"python -m rnnbook sample {self._name}")
            how = f"Without a browser that runs it, <code>{command}</code> writes too."
        return (
            f'<div{place}><div class="recorded">'
            f"<p>Written earlier by <code>{html.escape(self._name)}</code> at temperature "
            f"{self.temperature:g}, after the prompt in bold:</p>"
            f'<pre{language} style="white-space: pre-wrap"><b>{shown}</b>'
            f"{html.escape(sample)}</pre></div><p>{how}</p></div>"
        )


def moments(path: Path, facts: Facts) -> list[dict[str, str | int | bool]]:
    """Describe to a page what the reader can choose from: trained, earlier, before training.

    Parameters
    ----------
    path : Path
        The trained model's file; its snapshots lie beside it.
    facts : mapping
        What the file says of the model.
    """
    snapshots = checkpoints.snapshots(str(path))[1:]  # the first is no file
    found = []
    earlier = [path.with_name(f"{name}.safetensors") for name in snapshots]
    for file in dict.fromkeys([path, *earlier]):
        epoch = re.fullmatch(r"epoch-0*(\d+)", file.stem)
        label = f"after epoch {epoch[1]}" if epoch else "trained"
        size = file.stat().st_size
        found.append({"label": label, "file": file.name, "bytes": size, "fresh": False})
    # The recipe's seed is all there is to an untrained model.
    fresh = [{**found[0], "label": "untrained", "fresh": True}] if "recipe" in facts else []
    return found + fresh
