"""The tables of chapter 7 are what the models kept here write, and what the judge says of it."""

import pytest

from rnnbook import abc_reader, tune_book, tune_table, tunes, writers
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
