"""Time training: our engine, plain PyTorch, Keras 3 and the graph of 2017, side by side."""

import sys
import timeit
from collections.abc import Callable

import torch
from timing import Bound, Figures, Run, arguments, ceiling, precision, report, take_turns
from torch import Tensor, nn
from workloads import ALPHABET_SIZE, Tutorial, Workload, workloads

from rnnbook.cells import State
from rnnbook.device import best_dtype, keep_freed_memory
from rnnbook.models import detach

CPU = torch.device("cpu")
KEEPS_MEMORY = ("rnnbook", "pytorch bfloat16")  # timed again as `fit` runs


def loss_of(
    model: nn.Module, inputs: Tensor, targets: Tensor, state: State | None, dtype: torch.dtype
) -> tuple[Tensor, State]:
    """Run the model over a batch, its products in `dtype`; return the loss and the state."""
    with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        logits, state = model(inputs, state)  # (B, T, V)
    loss = nn.functional.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())
    return loss, detach(state)


def pytorch(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: tuple[Tensor, Tensor],
    dtype: torch.dtype,
    *,
    clip: float | None = None,
) -> Run:
    """Return a training step of a PyTorch model; the state is carried from step to step."""
    inputs, targets = batch
    state = None

    def run() -> int:
        nonlocal state
        loss, state = loss_of(model, inputs, targets, state, dtype)
        optimizer.zero_grad()
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        loss.item()
        return inputs.numel()

    return run


def engines(workload: Workload) -> dict[str, Run]:
    """Return every engine that can run here."""
    batch = workload.batch()
    runs: dict[str, Run] = {}
    model = workload.model.train()
    # As `rnnbook.training.fit` has it.
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    runs["rnnbook"] = pytorch(model, optimizer, batch, best_dtype(CPU), clip=1.0)
    for dtype in (torch.float32, torch.bfloat16):
        model = Tutorial(workload)
        optimizer = torch.optim.Adam(model.parameters())
        runs[f"pytorch {precision(dtype)}"] = pytorch(model, optimizer, batch, dtype)
    try:
        import tensorflow_engines
    except ImportError as error:
        print(f"Keras and TensorFlow are left out: {error}", file=sys.stderr)
    else:
        arrays = [part.numpy() for part in batch]
        runs["keras"] = tensorflow_engines.keras_training(workload, *arrays)
        runs["tensorflow v1"] = tensorflow_engines.graph_training(workload, *arrays)
    return runs


def gradient_errors(workload: Workload) -> dict[str, float]:
    """Compare each PyTorch engine's gradient of the first recurrent weights with float32's.

    Returns
    -------
    dict of str to float
        ‖g − g₃₂‖ / ‖g₃₂‖ of the engines' gradients g, at the same weights and the same batch.
    """
    inputs, targets = workload.batch()
    reference, ours = Tutorial(workload), workload.model.train()
    ours.load_state_dict(reference.state_dict())

    def gradient(model: nn.Module, dtype: torch.dtype) -> Tensor:
        loss, _ = loss_of(model, inputs, targets, None, dtype)
        (found,) = torch.autograd.grad(loss, [model.rnn.weight_hh_l0])
        return found

    exact = gradient(reference, torch.float32)
    found = {
        "rnnbook": gradient(ours, best_dtype(CPU)),
        "pytorch float32": exact,
        "pytorch bfloat16": gradient(reference, torch.bfloat16),
    }
    return {name: ((g - exact).norm() / exact.norm()).item() for name, g in found.items()}


def products_bound(workload: Workload, dtype: torch.dtype) -> Bound:
    """Return a run of nothing but the matrix products that one training step cannot do without.

    Each layer multiplies its input and its state by weights, and going back the gradients by
    weights, inputs and states. A step's product with the state has to wait for the step before;
    all others can be done for the whole batch at once. One-hot inputs need no product.
    """
    streams, steps, size = workload.batch_size, workload.unroll, workload.hidden_size
    rows, sums = streams * steps, workload.blocks * size
    shapes: list[tuple[int, int, int, int]] = []  # how often, and m, k, n of (m, k) @ (k, n)
    for index in range(workload.num_layers):
        width = size if index else workload.embedding_size
        if width:
            shapes += [(1, rows, width, sums), (1, rows, sums, width), (1, sums, rows, width)]
        shapes += [(steps, streams, size, sums), (steps, streams, sums, size)]
        shapes += [(1, sums, rows, size)]
    head = ALPHABET_SIZE
    shapes += [(1, rows, size, head), (1, rows, head, size), (1, head, rows, size)]
    products = [(times, _product(m, k, n, dtype)) for times, m, k, n in shapes]

    def run() -> int:
        for times, product in products:
            for _ in range(times):
                product()
        return rows

    operations = sum(2 * times * m * k * n for times, m, k, n in shapes)
    return Bound(run, operations / rows, "GFLOP/s")


def _product(m: int, k: int, n: int, dtype: torch.dtype) -> Callable[[], Tensor]:
    """Return the product (m, k) @ (k, n), in whichever of two layouts is faster here."""
    a, b = torch.randn(m, k).to(dtype), torch.randn(k, n).to(dtype)
    a_t, b_t = a.t().contiguous(), b.t().contiguous()
    out, out_t = torch.empty(m, n, dtype=dtype), torch.empty(n, m, dtype=dtype)
    layouts = [lambda: torch.mm(a, b, out=out), lambda: torch.mm(b_t, a_t, out=out_t)]
    return min(layouts, key=lambda product: min(timeit.repeat(product, number=1, repeat=5)))


def main() -> None:
    """Measure all workloads and print the figures."""
    options = arguments(__doc__)
    rows: list[Figures] = []
    ceilings: list[Figures] = []
    contestants: dict[str, dict[str, Run]] = {}
    for workload in workloads(options.quick):
        errors = gradient_errors(workload)
        runs = contestants[workload.name] = engines(workload)
        bounds = {
            precision(dtype): products_bound(workload, dtype)
            for dtype in (torch.float32, torch.bfloat16)
        }
        timed = runs | {name: bound.run for name, bound in bounds.items()}
        rates = take_turns(timed, options.rounds, options.seconds)
        for engine in runs:
            row = {"workload": workload.name, "engine": engine, "chars_per_s": rates[engine]}
            if engine in errors:
                row["gradient_error"] = errors[engine]
            rows.append(row)
        ceilings.append(ceiling(workload.name, bounds, rates, precision(best_dtype(CPU))))
    # Last, because it holds for the whole process from then on.
    keep_freed_memory()
    for workload_name, runs in contestants.items():
        again = {f"{engine}, memory kept": runs[engine] for engine in KEEPS_MEMORY}
        rates = take_turns(again, options.rounds, options.seconds)
        rows += [
            {"workload": workload_name, "engine": engine, "chars_per_s": rates[engine]}
            for engine in again
        ]
    report(rows, ceilings, as_json=options.json)


if __name__ == "__main__":
    main()
