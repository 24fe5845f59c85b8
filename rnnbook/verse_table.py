"""Chapter 6's table: verses of the poem, of counts and of networks, by the same measures.

``python -m rnnbook judge verse --json`` makes it anew. Each line has as many stanzas as the cantos
that are held out.
"""

import dataclasses
import itertools
import json
from collections.abc import Iterator, Sequence

from rnnbook import checkpoints, corpora, recipes, spanish, verse, writers
from rnnbook.tune_book import END, split

FILE = checkpoints.PRETRAINED / "martin_fierro" / "measured.json"
LONGEST = 600  # characters; a sextet has about 155
Row = dict[str, str | float]

# What writes: a kept model and a moment of its training; and how characters are drawn from it.
MODELS = (
    ("martin_fierro_talk", "epoch-000"),
    ("martin_fierro_talk", "epoch-050"),
    ("martin_fierro_talk", "epoch-400"),
    ("martin_fierro", None),
)
DRAWN = ({"top_k": 2}, {"temperature": 0.5}, {"temperature": 0.8}, {"temperature": 1.0})


def recorded() -> list[Row]:
    """Return the table as it was when it was last made and kept."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def rows() -> Iterator[Row]:
    """Write the verses, measure them, and yield the table line by line.

    The talk's text has no accents and numbered verses: what its network writes gets its accents
    from the poem's words, and loses its numbers and all after a stanza, before it is measured.

    Yields
    ------
    dict
        `writer`, `moment` of its training ("" if it has none) and `drawn`, how; then the fields
        of `verse.Measures`.

    Raises
    ------
    CorpusUnavailable
        If the poem or the list of words cannot be had.
    CheckpointError
        If a model is not there.
    """
    poem = corpora.load("martin_fierro").text
    held_out = int(recipes.HELD_OUT_CANTOS * len(poem))
    training, cantos = poem[:-held_out], poem[-held_out:]
    known = frozenset(corpora.load("spanish_words").text.split())

    def measured(stanzas: Sequence[str]) -> Row:
        return dataclasses.asdict(verse.measure(END.join(stanzas), training, known))

    stanzas = ["\n".join(stanza) for stanza in verse.stanzas(cantos)]
    yield {"writer": "held-out cantos", "moment": "", "drawn": ""} | measured(stanzas)
    order = writers.best_order("martin_fierro")
    counted = writers.by_counting(split(training), order, len(stanzas))
    line = {"writer": f"counts of order {order}", "moment": "", "drawn": "temperature 1"}
    yield line | measured(counted)
    for (name, snapshot), settings in itertools.product(MODELS, DRAWN):
        written = writers.by_network(name, snapshot, len(stanzas), LONGEST, **settings)
        if name == "martin_fierro_talk":
            plain = [verse.unnumbered(text).partition(END)[0] for text in written]
            written = [spanish.accented(stanza, poem) for stanza in plain]
        ((setting, value),) = settings.items()
        line = {"writer": name, "moment": snapshot or "trained", "drawn": f"{setting} {value}"}
        yield line | measured(written)
