"""Dropout whose masks are drawn several times faster on a CPU than PyTorch's own.

``torch.nn.Dropout`` draws one random number a unit there, on one thread: an eighth of the time of
a training step. Two random bytes a unit are enough. Elsewhere this is PyTorch's own.
"""

import torch
from torch import Tensor, nn

LEVELS = 2**16  # what two bytes can tell apart


class Dropout(nn.Dropout):
    """Zero a share p of the numbers at random, and scale up the rest (Srivastava et al., 2014)."""

    def forward(self, x: Tensor) -> Tensor:
        """Return x with a share p dropped in training, and x itself otherwise; any shape."""
        return dropout(x, self.p) if self.training else x


def dropout(x: Tensor, p: float) -> Tensor:
    """Return what ``nn.functional.dropout(x, p)`` returns, on a CPU with p rounded to 1/65,536."""
    dropped = round(p * LEVELS)
    if x.device.type != "cpu" or dropped in (0, LEVELS):
        return nn.functional.dropout(x, p)
    words = torch.empty(-(-x.numel() // 4), dtype=torch.int64)  # four numbers a word
    draws = words.random_(-(2**63), None).view(torch.int16)[: x.numel()].view(x.shape)
    kept = (draws >= dropped - LEVELS // 2).to(x.dtype)
    return x * kept.mul_(1 / (1 - p))
