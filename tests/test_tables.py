"""The tables of chapters 6 and 7 are what the models kept here write, and how it is measured."""

import dataclasses

import pytest

from rnnbook import abc_reader, recipes, tune_book, tune_table, tunes, verse, verse_table, writers
from rnnbook.novelty import Known

SHARES = ("parse", "end", "bars_right", "repeats_pair", "in_key", "on_tonic", "well_formed")


@pytest.fixture(scope="module")
def book(corpus_text):
    return tune_book.split(corpus_text("tune_book"))


@pytest.fixture(scope="module")
def known(book):
    return Known(map(abc_reader.read, book[: -tune_book.HELD_OUT]))


@pytest.fixture(scope="module")
def lines():
    return {(line["writer"], line["moment"], line["drawn"]): line for line in tune_table.recorded()}


def test_the_table_has_a_line_for_every_writer(lines):
    names = {(name, snapshot or "trained") for name, snapshot, _ in tune_table.WRITERS}
    assert {(writer, moment) for writer, moment, _ in lines if moment} == names
    assert len(lines) == 2 + len(tune_table.WRITERS)
    assert {line["tunes"] for line in lines.values()} == {tune_book.HELD_OUT}


def test_copies_are_counted_as_copied(book, known):
    copies = tune_table.judged(book[:15], known)
    assert copies["copied"] == 1
    assert copies["well_formed"] == tunes.judge_all(book[:15]).well_formed


@pytest.mark.slow
def test_the_line_of_the_real_tunes_is_made_again_to_the_digit(book, known, lines):
    line = lines["held-out tunes", "", ""]
    again = tune_table.judged(book[-tune_book.HELD_OUT :], known)
    assert again == {key: line[key] for key in again}


@pytest.mark.slow
def test_the_line_of_the_best_model_is_made_again(known, lines):
    line = lines["tunes", "trained", "temperature 0.8"]
    written = writers.by_network(
        "tunes", None, tune_book.HELD_OUT, tune_table.LONGEST, temperature=0.8
    )
    again = tune_table.judged(written, known)
    # Another processor may round one draw differently, and writes another tune from there on.
    assert {share: again[share] for share in SHARES} == pytest.approx(
        {share: line[share] for share in SHARES}, abs=0.05
    )


@pytest.fixture(scope="module")
def measured():
    return {
        (line["writer"], line["moment"], line["drawn"]): line for line in verse_table.recorded()
    }


@pytest.fixture(scope="module")
def poem(corpus_text):
    """The poem's training text and its held-out cantos."""
    text = corpus_text("martin_fierro")
    start = len(text) - int(recipes.HELD_OUT_CANTOS * len(text))
    return text[:start], text[start:]


def again(line, texts, poem, known):
    found = dataclasses.asdict(verse.measure("\n\n".join(texts), poem[0], known))
    return found, {key: line[key] for key in found}


def test_the_table_of_verse_has_a_line_for_every_writer(measured):
    names = {(name, moment or "trained") for name, moment in verse_table.MODELS}
    assert {(writer, moment) for writer, moment, _ in measured if moment} == names
    assert len(measured) == 2 + len(verse_table.MODELS) * len(verse_table.DRAWN)


def test_the_line_of_the_cantos_is_made_again_to_the_digit(measured, poem, corpus_text):
    known = frozenset(corpus_text("spanish_words").split())
    stanzas = ["\n".join(stanza) for stanza in verse.stanzas(poem[1])]
    found, line = again(measured["held-out cantos", "", ""], stanzas, poem, known)
    assert found == line


@pytest.mark.slow
def test_the_line_of_the_best_verses_is_made_again(measured, poem, corpus_text):
    known = frozenset(corpus_text("spanish_words").split())
    line = measured["martin_fierro", "trained", "temperature 0.8"]
    count = len(verse.stanzas(poem[1]))
    longest = verse_table.LONGEST
    texts = writers.by_network("martin_fierro", None, count, longest, temperature=0.8)
    found, line = again(line, texts, poem, known)
    shares = {key for key, value in line.items() if isinstance(value, float)}
    assert {key: found[key] for key in shares} == pytest.approx(
        {key: line[key] for key in shares}, abs=0.05
    )
