"""A Sphinx extension: ``{results}`` is a table of every recorded run, made from the records."""

import math

from docutils import nodes
from kept_models import Kept, kept
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

CHAPTERS = {
    "plays": "04_shakespeare",
    "tinyshakespeare": "04_shakespeare",
    "wikipedia_sample": "05_vanilla_architectures",
    "martin_fierro": "06_martin_fierro",
    "poesia_gauchesca": "06_martin_fierro",
    "tune_book": "07_tunes",
}
# Loss in nats per character as others published it, for the model that a run goes back to.
PUBLISHED = {
    "shakespeare_source": "1.918",
    "tinyshakespeare": "1.470",
    "vanilla_concat": "1.80",
    "vanilla_published": "2.390",
}
HEADINGS = (
    *("`python -m rnnbook`", "chapter", "nats", "bits", "best table", "published"),
    *("text", "parameters", "millions read", "minutes"),
)


def row(model: Kept) -> str:
    """Return the line of one run, in Markdown."""
    record = model.record
    chapter = CHAPTERS[record["corpus"]]
    cells = (
        f"`evaluate {record['name']}`",
        f"[{chapter[1]}](../chapters/{chapter}.ipynb)",
        f"{record['loss_nats']:.3f}",
        f"{record['loss_nats'] / math.log(2):.3f}",
        f"{record['baseline_nats']:.3f}",
        PUBLISHED.get(record["name"], "–"),
        f"`{record['corpus']}`",
        f"{record['parameters']:,}",
        f"{record['history']['characters'][-1] / 1e6:.1f}",
        f"{record['seconds'] / 60:.0f}",
    )
    return f"| {' | '.join(cells)} |"


class Results(SphinxDirective):
    """A table of the recorded runs, text by text, the best of each text first."""

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        lines = [f"| {' | '.join(HEADINGS)} |", "|---" * len(HEADINGS) + "|"]
        return self.parse_text_to_nodes("\n".join(lines + list(map(row, kept(self.env.app)))))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.add_directive("results", Results)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
