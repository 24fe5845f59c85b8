"""Train a character model on streams of text, and measure it by the book's one protocol.

This module knows models, tokens and recipes. It knows nothing of files or alphabets.
"""

import copy
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from rnnbook.device import best_device, best_dtype
from rnnbook.models import CharRNN, State, detach
from rnnbook.recipes import Recipe
from rnnbook.text import Split, Streams


class NonFiniteLoss(ArithmeticError):
    """Training produced a loss that is infinite or not a number."""


@dataclass
class History:
    """What a training run measured, one entry an evaluation.

    Attributes
    ----------
    characters : list of int
        Characters trained on so far.
    train_nats : list of float
        Mean loss of the batches since the last evaluation, with dropout on.
    held_out_nats : list of float
        Loss by `evaluate`.
    seconds : float
        Wall time of the training steps, evaluations left out.
    stopped : {"finished", "early stop", "interrupted"}
        Why the run ended.
    """

    characters: list[int] = field(default_factory=list)
    train_nats: list[float] = field(default_factory=list)
    held_out_nats: list[float] = field(default_factory=list)
    seconds: float = 0.0
    stopped: str = "finished"

    @property
    def best_nats(self) -> float:
        """Lowest held-out loss, which the returned weights have."""
        return min(self.held_out_nats)

    @property
    def evaluations_since_best(self) -> int:
        """How long ago the best evaluation was."""
        return len(self.held_out_nats) - 1 - self.held_out_nats.index(self.best_nats)


def fit(
    model: CharRNN,
    split: Split,
    recipe: Recipe,
    *,
    device: torch.device | None = None,
    dtype: torch.dtype | None = None,
    progress: bool = True,
) -> History:
    """Train a model in place and leave it with its best weights.

    Parameters
    ----------
    model : CharRNN
        The model, moved to the device.
    split : Split
        Tokens to train on and to hold out.
    recipe : Recipe
        How to train. Its seed also seeds PyTorch's global state, which dropout draws from.
    device, dtype : optional
        Where to compute, and in which precision the matrix products; by default the best
        this machine has. Weights and losses stay in float32.
    progress : bool
        Whether to show a bar with the loss and the characters per second.

    Returns
    -------
    History
        An interrupt (Ctrl-C, the notebook's stop button) ends the run early, and the history
        and the best weights so far are kept.

    Raises
    ------
    NonFiniteLoss
        At the first step whose loss is not finite, naming the step.
    """
    device = device or best_device()
    dtype = dtype or best_dtype(device)
    torch.manual_seed(recipe.seed)
    model.to(device).train()
    held_out = split.held_out.to(device)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=recipe.weight_decay)
    history = History()
    best_weights = copy.deepcopy(model.state_dict())
    state: State | None = None
    seen, losses, sizes = 0, [], []
    bar = tqdm(total=recipe.characters, unit="char", unit_scale=True, disable=not progress)
    started = time.perf_counter()

    def measure() -> None:
        """Enter the state of the run into the history, and keep its weights if they are best."""
        nonlocal best_weights, losses, sizes, started
        history.seconds += time.perf_counter() - started
        history.characters.append(seen)
        history.train_nats.append(_weighted_mean(losses, sizes))
        history.held_out_nats.append(evaluate(model, held_out))
        losses, sizes = [], []
        if history.evaluations_since_best == 0:
            best_weights = copy.deepcopy(model.state_dict())
        started = time.perf_counter()

    try:
        for step, (inputs, targets, fresh) in enumerate(_batches(split.train, recipe)):
            if fresh or not recipe.carry_state:
                state = None
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate_at(seen / recipe.characters)
            with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
                logits, state = model(inputs.to(device), state)  # (B, T, V)
            state = detach(state)
            loss = nn.functional.cross_entropy(
                logits.flatten(0, 1).float(), targets.to(device).flatten()
            )
            nats = loss.item()
            if not math.isfinite(nats):
                raise NonFiniteLoss(
                    f"the loss became {nats} at step {step}, after {seen} characters; "
                    "lower the learning rate or the clipping norm"
                )
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
            optimizer.step()

            seen += inputs.numel()
            losses.append(nats)
            sizes.append(inputs.numel())
            bar.update(inputs.numel())
            bar.set_postfix(nats=f"{nats:.3f}", refresh=False)
            if seen < recipe.characters * (len(history.characters) + 1) / recipe.evaluations:
                continue
            measure()
            if history.evaluations_since_best >= recipe.patience:
                history.stopped = "early stop"
                break
            if seen >= recipe.characters:
                break
    except KeyboardInterrupt:
        if seen == 0:
            raise
        history.stopped = "interrupted"
        measure()
    finally:
        bar.close()
    model.load_state_dict(best_weights)
    model.eval()
    return history


def _batches(tokens: Tensor, recipe: Recipe) -> Iterator[tuple[Tensor, Tensor, bool]]:
    """Yield batches epoch after epoch, each with whether it begins an epoch."""
    generator = torch.Generator().manual_seed(recipe.seed)
    streams = Streams(tokens, recipe.batch_size, recipe.unroll)
    while True:
        for number, (inputs, targets) in enumerate(streams.epoch(generator)):
            yield inputs, targets, number == 0


def _weighted_mean(values: list[float], weights: list[int]) -> float:
    total = sum(v * w for v, w in zip(values, weights, strict=True))
    return total / sum(weights) if weights else math.nan


@torch.no_grad()
def evaluate(model: CharRNN, tokens: Tensor, *, streams: int = 16, warmup: int = 256) -> float:
    """Measure the loss on held-out text, in float32, by the protocol every figure here uses.

    The text is cut into `streams` equal stretches that are read side by side. Each but the
    first is read from `warmup` characters before its start, unscored, so that the model knows
    what came before. The state is carried to the end of the stretch. Every character but the
    text's first is scored exactly once.

    Parameters
    ----------
    model : CharRNN
        The model; dropout is off while it is measured.
    tokens : Tensor of int64, shape (n,)
        Held-out text, on the model's device.
    streams : int
        Stretches read at once.
    warmup : int
        Characters read before each stretch.

    Returns
    -------
    float
        Mean −ln P in nats per character.
    """
    scored = len(tokens) - 1
    length = -(-scored // streams)
    warmup = min(warmup, length)
    starts = torch.arange(0, scored, length, device=tokens.device)
    positions = starts[:, None] + torch.arange(length, device=tokens.device)  # (S, L)
    inputs = tokens[positions.clamp(max=scored - 1)]
    # Positions past the end of the last stretch are not scored.
    targets = torch.where(positions < scored, tokens[(positions + 1).clamp(max=scored)], -1)
    before = positions[1:, :warmup] - warmup

    was_training = model.training
    model.eval()
    state = _after_warmup(model, tokens[before])
    total = 0.0
    for x, y in zip(inputs.split(128, dim=1), targets.split(128, dim=1), strict=True):
        logits, state = model(x, state)
        total += nn.functional.cross_entropy(
            logits.flatten(0, 1).float(), y.flatten(), ignore_index=-1, reduction="sum"
        ).item()
    model.train(was_training)
    return total / scored


def _after_warmup(model: CharRNN, inputs: Tensor) -> State | None:
    """Return the states at the stretches' starts: zeros for the first, warmed up for the rest."""
    if len(inputs) == 0:
        return None
    _, warm = model(inputs)
    parts = warm if isinstance(warm, tuple) else (warm,)
    padded = tuple(torch.cat([torch.zeros_like(s[:, :1]), s], dim=1) for s in parts)
    return padded if isinstance(warm, tuple) else padded[0]
