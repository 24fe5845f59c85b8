"""What models and counts write comes in pieces, as many as asked for, the same each time."""

import pytest
import torch

from rnnbook import checkpoints, writers
from rnnbook.models import CharRNN
from rnnbook.text import Alphabet

VERSES = ["aba\nabb", "abb\naba", "abab\nabb"]


def test_counts_write_pieces_of_what_they_counted():
    written = writers.by_counting(VERSES * 20, 4, 50)
    assert len(written) == 50
    assert set("".join(written)) == set("ab\n")
    assert all(piece.startswith("ab") and "\n\n" not in piece for piece in written)
    assert written == writers.by_counting(VERSES * 20, 4, 50)
    assert written != writers.by_counting(VERSES * 20, 4, 50, seed=1)


def test_a_network_writes_from_one_empty_line_to_the_next(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "model.safetensors"
    model = CharRNN(3, hidden_size=8)
    with torch.no_grad():
        model.head.bias.copy_(torch.tensor([2.0, 0.0, 0.0]))  # many line ends
    checkpoints.save(path, model, Alphabet("\nab"), {})
    written = writers.by_network(str(tmp_path), None, 30, 40, temperature=1.2)
    assert len(written) == 30
    assert all("\n\n" not in piece and len(piece) <= 40 for piece in written)
    assert len({len(piece) for piece in written}) > 3
    assert written == writers.by_network(str(tmp_path), None, 30, 40, temperature=1.2)


def test_the_best_order_is_that_of_the_record():
    assert writers.best_order("vanilla_sum") == 6
    with pytest.raises(checkpoints.CheckpointError):
        writers.best_order("nothing")
