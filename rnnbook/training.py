"""Train a character model on streams of text, and measure it by the book's one protocol.

This module knows models, tokens and recipes. It knows nothing of alphabets or of how models are
stored. Several processes are accelerate's work; the loop is the same for one.
"""

import copy
import itertools
import math
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from accelerate import Accelerator, PartialState
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm.auto import tqdm

from rnnbook.device import best_device, best_dtype, keep_freed_memory
from rnnbook.models import CharModel, State, detach
from rnnbook.recipe import Recipe
from rnnbook.run_state import History, Progress, StateFile, StateFileError
from rnnbook.text import Split, Streams

OPTIMIZERS = {"adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}


class NonFiniteLoss(ArithmeticError):
    """Training produced a loss that is infinite or not a number."""


def fit(
    model: CharModel,
    split: Split,
    recipe: Recipe,
    *,
    device: torch.device | None = None,
    dtype: torch.dtype | None = None,
    progress: bool = True,
    state: Path | None = None,
    after_epoch: Callable[[int], None] | None = None,
) -> History:
    """Train a model in place and leave it with its best weights, or their best running mean.

    Under ``torchrun`` or ``accelerate launch`` every process calls this with the same arguments,
    and the recipe's streams are divided among them.

    Parameters
    ----------
    model : CharModel
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
    state : Path, optional
        A file to save the run to at every evaluation and when it is interrupted. If it exists,
        the run goes on from there as if it had never stopped.
    after_epoch : callable, optional
        Called with 1, 2, … each time the whole text has been read once more.

    Returns
    -------
    History
        An interrupt (Ctrl-C, the notebook's stop button) ends the run after the step it is in,
        and the history and the best weights so far are kept.

    Raises
    ------
    NonFiniteLoss
        At the first step whose loss is not finite, naming the step.
    StateFileError
        Before the first step, if `state` cannot be written or belongs to another run.
    ValueError
        If the recipe's streams cannot be divided equally among the processes.
    """
    accelerator = Accelerator(
        cpu=(device or best_device()).type == "cpu", device_placement=device is None
    )
    device = device or accelerator.device
    dtype = dtype or best_dtype(device)
    keep_freed_memory()
    torch.manual_seed(recipe.seed + accelerator.process_index)
    model.to(device).train()
    held_out = split.held_out.to(device)
    optimizer = OPTIMIZERS[recipe.optimizer](
        model.parameters(), weight_decay=recipe.weight_decay, fused=True
    )
    trained, optimizer = accelerator.prepare(model, optimizer)
    mean = None
    if recipe.averaging:
        mean = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(recipe.averaging))
    judged = mean.module if mean else model  # what is measured, and kept at its best
    run = Progress(best_weights=copy.deepcopy(model.state_dict()))
    file = StateFile(state, recipe, split.train) if state else None
    if file and file.path.exists():
        run = file.load(model, optimizer, mean)
    elif file:
        # An hour of training must not end at a folder that cannot be written to.
        file.check_room(model)
        file.save(model, optimizer, run, mean)
    history = run.history

    batches = itertools.islice(_batches(split.train, recipe, accelerator), run.steps, None)
    bar = tqdm(
        total=recipe.characters,
        initial=run.characters,
        unit="char",
        unit_scale=True,
        disable=not (progress and accelerator.is_main_process),
    )
    with bar, _interrupt_flag() as interrupted:
        for epochs_before, inputs, targets, fresh in batches:
            if fresh and epochs_before and after_epoch:
                after_epoch(epochs_before)
            if run.characters >= recipe.characters:
                break
            if history.held_out_nats and history.evaluations_since_best >= recipe.patience:
                history.stopped = "early stop"
                break

            started = time.perf_counter()
            if fresh or not recipe.carry_state:
                run.hidden = None
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate_at(run.characters / recipe.characters)
            with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
                logits, hidden = trained(inputs.to(device), run.hidden)  # (B, T, V)
            run.hidden = detach(hidden)
            loss = nn.functional.cross_entropy(
                logits.flatten(0, 1).float(), targets.to(device).flatten()
            )
            # Processes share their losses and interrupts, so that all stop at the same step.
            shared = torch.stack([loss.detach(), loss.new_tensor(interrupted.is_set())])
            nats, stop = accelerator.reduce(shared, "mean").tolist()
            if not math.isfinite(nats):
                raise NonFiniteLoss(
                    f"the loss became {nats} at step {run.steps}, after {run.characters} "
                    "characters; lower the learning rate or the clipping norm"
                )
            optimizer.zero_grad()
            accelerator.backward(loss)
            if recipe.clip is not None:
                accelerator.clip_grad_norm_(model.parameters(), recipe.clip)
            optimizer.step()
            if mean:
                mean.update_parameters(model)

            size = inputs.numel() * accelerator.num_processes
            run.stepped(size, nats, time.perf_counter() - started)
            bar.update(size)
            bar.set_postfix(nats=f"{nats:.3f}", refresh=False)
            due = recipe.characters * (len(history.characters) + 1) / recipe.evaluations
            if run.characters >= due:
                run.measured(evaluate(judged, held_out), judged)
            if file and (run.characters >= due or stop):
                _save(file, model, optimizer, run, mean)
            if stop:
                history.stopped = "interrupted"
                if run.loss_characters:
                    run.measured(evaluate(judged, held_out), judged)
                break
    model.load_state_dict(run.best_weights)
    model.eval()
    return history


def is_main_process() -> bool:
    """Whether this process is the one that prints and writes files; alone, it is."""
    # Unless it is told that there is no graphics card, it takes each process to be alone.
    return PartialState(cpu=best_device().type == "cpu").is_main_process


@contextmanager
def _interrupt_flag() -> Iterator[threading.Event]:
    """Turn Ctrl-C into a flag, so that no step is cut in half; a second one stops at once."""
    flag = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield flag  # only the main thread receives signals
        return
    before = signal.getsignal(signal.SIGINT)

    def ask(*_: object) -> None:
        flag.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, ask)
    try:
        yield flag
    finally:
        signal.signal(signal.SIGINT, before)


def _save(
    file: StateFile,
    model: CharModel,
    optimizer: torch.optim.Optimizer,
    run: Progress,
    mean: AveragedModel | None,
) -> None:
    try:
        file.save(model, optimizer, run, mean)
    except StateFileError as error:
        # The run in memory is worth more than the file: say so, go on, try again next time.
        warnings.warn(f"{error}; training goes on", stacklevel=3)


def _batches(
    tokens: Tensor, recipe: Recipe, accelerator: Accelerator
) -> Iterator[tuple[int, Tensor, Tensor, bool]]:
    """Yield this process's rows of each batch, with the epoch and whether it begins there."""
    processes = accelerator.num_processes
    if recipe.batch_size % processes:
        raise ValueError(
            f"{recipe.batch_size} streams cannot be divided among {processes} processes"
        )
    generator = torch.Generator().manual_seed(recipe.seed)
    streams = Streams(tokens, recipe.batch_size, recipe.unroll)
    for epoch in itertools.count():
        for number, batch in enumerate(streams.epoch(generator)):
            inputs, targets = (part.chunk(processes)[accelerator.process_index] for part in batch)
            yield epoch, inputs, targets, number == 0


@torch.no_grad()
def evaluate(model: CharModel, tokens: Tensor, *, streams: int = 16, warmup: int = 256) -> float:
    """Measure the loss on held-out text, in float32, by the protocol every figure here uses.

    The text is cut into `streams` equal stretches that are read side by side. Each but the
    first is read from `warmup` characters before its start, unscored, so that the model knows
    what came before. The state is carried to the end of the stretch. Every character but the
    text's first is scored exactly once. Rows that do not follow each other are read as so many
    texts, each from an empty state.

    Parameters
    ----------
    model : CharModel
        The model; dropout is off while it is measured.
    tokens : Tensor of int64, shape (n,) or (rows, length)
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
    was_training = model.training
    model.eval()
    if tokens.dim() == 2:
        scored = tokens[:, 1:].numel()
        total = sum(_score(model, rows[:, :-1], rows[:, 1:]) for rows in tokens.split(64))
    else:
        scored = len(tokens) - 1
        length = -(-scored // streams)
        warmup = min(warmup, length)
        starts = torch.arange(0, scored, length, device=tokens.device)
        positions = starts[:, None] + torch.arange(length, device=tokens.device)  # (S, L)
        inputs = tokens[positions.clamp(max=scored - 1)]
        # Positions past the end of the last stretch are not scored.
        targets = torch.where(positions < scored, tokens[(positions + 1).clamp(max=scored)], -1)
        before = positions[1:, :warmup] - warmup
        total = _score(model, inputs, targets, _after_warmup(model, tokens[before]))
    model.train(was_training)
    return total / scored


def _score(model: CharModel, inputs: Tensor, targets: Tensor, state: State | None = None) -> float:
    """Add up the losses of rows that are read side by side; a target of −1 is left out."""
    total = 0.0
    for x, y in zip(inputs.split(128, dim=1), targets.split(128, dim=1), strict=True):
        logits, state = model(x, state)
        total += nn.functional.cross_entropy(
            logits.flatten(0, 1).float(), y.flatten(), ignore_index=-1, reduction="sum"
        ).item()
    return total


def _after_warmup(model: CharModel, inputs: Tensor) -> State | None:
    """Return the states at the stretches' starts: zeros for the first, warmed up for the rest."""
    if len(inputs) == 0:
        return None
    _, warm = model(inputs)
    parts = warm if isinstance(warm, tuple) else (warm,)
    padded = tuple(torch.cat([torch.zeros_like(s[:, :1]), s], dim=1) for s in parts)
    return padded if isinstance(warm, tuple) else padded[0]
