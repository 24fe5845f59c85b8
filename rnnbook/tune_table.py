"""Chapter 7's table: tunes of the books, of counts and of networks, under one judge.

``python -m rnnbook judge tunes --json`` makes it anew. Each line has as many tunes as are held out.
"""

import json
from collections.abc import Iterator, Sequence
from statistics import median

from rnnbook import abc_reader, checkpoints, corpora, tune_book, tunes, writers
from rnnbook.novelty import Known

FILE = checkpoints.PRETRAINED / "tunes" / "judged.json"
LONG = 8  # bars in a row; tunes that are not copies share fewer
LONGEST = 2_000  # characters; the longest tune of the book has 1,286
Row = dict[str, str | float]

# What writes: a kept model, a moment of its training, and how characters are drawn from it.
WRITERS: tuple[tuple[str, str | None, dict[str, float]], ...] = (
    ("tunes_talk", "epoch-000", {"top_k": 2}),
    ("tunes_talk", "epoch-005", {"top_k": 2}),
    ("tunes_talk", "epoch-010", {"top_k": 2}),
    ("tunes_talk", None, {"top_k": 2}),
    ("tunes", None, {"top_k": 2}),
    ("tunes", None, {"temperature": 0.5}),
    ("tunes", None, {"temperature": 0.8}),
    ("tunes", None, {"temperature": 1.0}),
)


def recorded() -> list[Row]:
    """Return the table as it was when it was last made and kept."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def rows() -> Iterator[Row]:
    """Write the tunes, judge them, and yield the table line by line.

    Yields
    ------
    dict
        `writer`, `moment` of its training ("" if it has none) and `drawn`, how; number of
        `tunes`; the shares of `tunes.Summary`; `longest_run`, the median over the tunes of how
        many bars in a row a training tune has as well; `copied`, the share of the tunes where
        they are more than `LONG`.

    Raises
    ------
    CorpusUnavailable
        If the tunes cannot be had.
    CheckpointError
        If a model is not there.
    """
    book = tune_book.split(corpora.load("tune_book").text)
    known_tunes, held_out = book[: -tune_book.HELD_OUT], book[-tune_book.HELD_OUT :]
    known = Known(map(abc_reader.read, known_tunes))
    yield {"writer": "held-out tunes", "moment": "", "drawn": ""} | judged(held_out, known)
    order = writers.best_order("tunes")
    counted = writers.by_counting(known_tunes, order, len(held_out))
    line = {"writer": f"counts of order {order}", "moment": "", "drawn": "temperature 1"}
    yield line | judged(counted, known)
    for name, snapshot, settings in WRITERS:
        written = writers.by_network(name, snapshot, len(held_out), LONGEST, **settings)
        ((setting, value),) = settings.items()
        line = {"writer": name, "moment": snapshot or "trained"}
        yield line | {"drawn": f"{setting} {value}"} | judged(written, known)


def judged(texts: Sequence[str], known: Known) -> Row:
    """Judge tunes, and compare them with those a model was trained on."""
    summary = tunes.judge_all(texts)
    runs_of_bars = [known.compare(abc_reader.read(text)).run for text in texts]
    shares = ("parse", "end", "bars_right", "repeats_pair", "in_key", "on_tonic", "well_formed")
    return {
        "tunes": len(texts),
        **{share: getattr(summary, share) for share in shares},
        "longest_run": median(runs_of_bars),
        "copied": sum(run > LONG for run in runs_of_bars) / len(texts),
    }
