"""A Sphinx extension: the models of the package, in the pages' samplers and in the playground.

Their files go where the pages fetch them. Two directives read the models' records, so that one more
is in the playground without an edit: ``{playground}`` is where a reader chooses one, with what
stands there until it runs, and ``{kept-models}`` is a table of them. ``{sampler} NAME`` is one of
them alone, as a chapter's widget shows it.
"""

import html
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from rnnbook import checkpoints, corpora, records
from rnnbook.checkpoints import Checkpoint
from rnnbook.forms import form_of
from rnnbook.records import Record
from rnnbook.sampler_widget import SamplerWidget, moments

SETTINGS = {"length": 500, "temperature": 0.8, "top_k": None, "top_p": None, "seed": 0}
# What the models of a text go on from, if their alphabet has it; otherwise from a line end.
PROMPTS = {
    "plays": "ROMEO:\n",
    "tinyshakespeare": "ROMEO:\n",
    "martin_fierro": "Aquí me pongo a cantar\n",
    "poesia_gauchesca": "1: Aqui me pongo a cantar\n",
    "wikipedia_sample": " the ",
    "tune_book": "M:6/8\nL:1/8\nK:G\n",
}
CELLS = {"vanilla": "vanilla", "lstm": "LSTM", "gru": "GRU"}
HEADINGS = ("name", "learned from", "network", "loss", "counting")


@dataclass(frozen=True)
class Kept:
    """A model that comes with the package: its file, its record, and what the file holds."""

    path: Path
    record: Record
    found: Checkpoint

    @property
    def prompt(self) -> str:
        """What it goes on from to begin with."""
        known = self.found.alphabet.characters
        prompts = (PROMPTS.get(self.record["corpus"], "\n"), "\n", known[0])
        return next(prompt for prompt in prompts if set(prompt) <= set(known))

    @property
    def network(self) -> str:
        """The kind of network, and its size."""
        shape = self.found.model.hyperparameters
        kind = CELLS[shape["cell"]] if "cell" in shape else type(self.found.model).__name__
        layers = shape.get("num_layers", 1)
        many = f"{layers} layers of " if layers > 1 else ""
        return f"{kind}, {many}{shape['hidden_size']} units"

    @property
    def choice(self) -> dict[str, object]:
        """What playground.js needs to know of it."""
        return {
            "name": self.path.parent.name,
            "corpus": self.record["corpus"],
            "nats": self.record["loss_nats"],
            "prompt": self.prompt,
            "checkpoints": moments(self.path, self.found.facts),
            "form": form_of(self.record["corpus"]),
        }

    @property
    def row(self) -> str:
        """Its line of the table, in Markdown."""
        cells = (
            f"`{self.path.parent.name}`",
            f"`{self.record['corpus']}`",
            self.network,
            f"{self.record['loss_nats']:.2f}",
            f"{self.record['baseline_nats']:.2f}",
        )
        return "| " + " | ".join(cells) + " |"


def kept(app: Sphinx) -> list[Kept]:
    """Find the models, text by text, the best of each text first."""
    files = [file for file in _files(app) if file.stem == "model"]
    models = [Kept(path, records.load(str(path.parent)), checkpoints.load(path)) for path in files]
    texts = corpora.names()
    return sorted(
        models, key=lambda model: (texts.index(model.record["corpus"]), model.record["loss_nats"])
    )


class OneSampler(SphinxDirective):
    """A model to play with."""

    required_arguments = 1
    option_spec = MappingProxyType(
        {"prompt": directives.unchanged, "length": int, "temperature": float}
    )

    def run(self) -> list[nodes.Node]:
        """Return what stands in the place of a chapter's widget."""
        bundle, _ = SamplerWidget(self.arguments[0], **self.options)._repr_mimebundle_()
        return [nodes.raw("", bundle["text/html"], format="html")]


class KeptModels(SphinxDirective):
    """A table of the models."""

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        lines = [f"| {' | '.join(HEADINGS)} |", "|---" * len(HEADINGS) + "|"]
        return self.parse_text_to_nodes(
            "\n".join(lines + [model.row for model in kept(self.env.app)])
        )


class Playground(SphinxDirective):
    """The place of the playground, with what stands there until it runs."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return what the directive holds, within the element that page.js looks for."""
        offered = {
            "settings": SETTINGS,
            "models": [model.choice for model in kept(self.env.app)],
        }
        place = f'<div data-rnnbook-playground="{html.escape(json.dumps(offered))}">'
        inside = self.parse_text_to_nodes(self.content)
        return [
            nodes.raw("", place, format="html"),
            *inside,
            nodes.raw("", "</div>", format="html"),
        ]


def _files(app: Sphinx) -> list[Path]:
    return sorted(Path(app.confdir, "rnnbook", "pretrained").glob("*/*.safetensors"))


def _copy_models(app: Sphinx, error: Exception | None) -> None:
    if error is not None or app.builder.format != "html":
        return
    for file in _files(app):
        target = Path(app.outdir, "_static", "models", file.parent.name, file.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.add_directive("playground", Playground)
    app.add_directive("kept-models", KeptModels)
    app.add_directive("sampler", OneSampler)
    app.connect("build-finished", _copy_models)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
