"""Where bars and beats are in a tune, by hand and by a model that knows."""

from fractions import Fraction

import pytest
import torch

from rnnbook.text import Alphabet
from rnnbook.tune_probes import after_bars, bar_line_chances, elapsed

HEADER = "M:2/4\nL:1/8\nK:D\n"
TUNE = HEADER + "F | A2 (3Bcd | d>e f2 :|"


def test_elapsed_counts_from_bar_line_to_bar_line():
    shares = elapsed(TUNE)
    music = {at - len(HEADER): share for at, share in enumerate(shares.tolist()) if share >= 0}
    assert music == pytest.approx(
        {4: 0, 5: 0, 6: 0, 7: 0, 8: 0}  # A2 and what stands before the triplet's first note
        | {9: 0.5, 10: 2 / 3, 11: 5 / 6, 12: 5 / 6}
        | {15: 0, 16: 0, 17: 0.375, 18: 0.375, 19: 0.5, 20: 0.5, 21: 0.5}
    )


def test_the_chance_of_a_bar_line_is_asked_where_one_could_come():
    alphabet = Alphabet.of(TUNE)
    rows = torch.full((len(TUNE), len(alphabet)), 0.01)
    line, repeat = alphabet.encode("|:").tolist()
    rows[:, line], rows[:, repeat] = 0.2, 0.1
    rows[TUNE.index(" | d"), line] = 0.8
    rows[TUNE.index(" :|"), repeat] = 0.7
    chances = bar_line_chances([rows], [TUNE], alphabet)
    assert list(chances) == [Fraction(1, 2), Fraction(2, 3), Fraction(5, 6), 1]
    assert chances[Fraction(1)] == pytest.approx(0.9)
    assert chances[Fraction(2, 3)] == pytest.approx(0.3)


def test_bars_are_over_at_the_next_ones_first_note():
    starts = [TUNE.index("A2"), TUNE.index("d>e"), len(TUNE)]
    assert after_bars(TUNE) == starts
