"""How engines take turns, and how what was measured is printed."""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import torch

Run = Callable[[], int]  # does some work and returns how many characters it was
Figures = Mapping[str, object]


class Bound(NamedTuple):
    """The least work a character can be had for: a run of it, and how much it is."""

    run: Run
    per_character: float  # floating-point operations or bytes
    unit: str  # "GFLOP/s" or "GB/s"


def arguments(description: str) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--rounds", type=int, default=5, help="turns of every engine (5)")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a turn (4)")
    parser.add_argument("--quick", action="store_true", help="tiny models, to try it out")
    return parser.parse_args()


def take_turns(engines: Mapping[str, Run], rounds: int, seconds: float) -> dict[str, float]:
    """Time engines in alternation, so that all meet the machine in the same moods.

    Each first runs once untimed, which builds graphs and fills caches.

    Returns
    -------
    dict of str to float
        Median over the rounds of each engine's characters per second.
    """
    for name, run in engines.items():
        say(f"warming up {name}")
        run()
    rates: dict[str, list[float]] = {name: [] for name in engines}
    for turn in range(rounds):
        for name, run in engines.items():
            say(f"round {turn + 1} of {rounds}: {name}")
            characters, elapsed, started = 0, 0.0, time.perf_counter()
            while elapsed < seconds:
                characters += run()
                elapsed = time.perf_counter() - started
            rates[name].append(characters / elapsed)
    say("")
    return {name: statistics.median(values) for name, values in rates.items()}


def ceiling(
    workload: str, bounds: Mapping[str, Bound], rates: Mapping[str, float], own: str
) -> Figures:
    """Return what the machine could do at best; `own` is the precision of our engine."""
    return {
        "workload": workload,
        "chars_per_s": rates[own],
        "by_precision": {name: rates[name] for name in bounds},
        "machine": {
            name: {bound.unit: rates[name] * bound.per_character / 1e9}
            for name, bound in bounds.items()
        },
    }


def say(message: str) -> None:
    """Show on a terminal what goes on, each message over the last."""
    if sys.stderr.isatty():
        print(f"\r\033[K{message}", end="", file=sys.stderr, flush=True)


def precision(dtype: torch.dtype) -> str:
    """Return the name of a type."""
    return str(dtype).removeprefix("torch.")


def machine() -> dict[str, object]:
    """Describe what the figures were taken on."""
    versions = {}
    for package in ("rnnbook", "torch", "tensorflow", "tensorflow-cpu", "keras"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "versions": versions,
    }


def _processor() -> str:
    """Return the processor's name and family: virtual machines hide much of the name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    pairs = [line.partition(":") for line in reversed(lines)]
    fields = {name.strip(): value.strip() for name, _, value in pairs}
    return f"{fields.get('model name', platform.machine())}, model {fields.get('model', '?')}"


def report(rows: Sequence[Figures], ceilings: Sequence[Figures], *, as_json: bool) -> None:
    """Print everything measured, as JSON or as a table.

    Parameters
    ----------
    rows : sequence of mappings
        Each with workload, engine, chars_per_s, and possibly more.
    ceilings : sequence of mappings
        As `ceiling` returns them.
    """
    ours = {row["workload"]: row["chars_per_s"] for row in rows if row["engine"] == "rnnbook"}
    rows = [{**row, "ours_is_times": ours[row["workload"]] / row["chars_per_s"]} for row in rows]
    if as_json:
        print(json.dumps({"machine": machine(), "rows": rows, "ceilings": ceilings}, indent=1))
        return
    print(json.dumps(machine()))
    for ceiling in ceilings:
        own = [row for row in rows if row["workload"] == ceiling["workload"]]
        print(f"\n{ceiling['workload']}")
        for row in own:
            error = row.get("gradient_error")
            note = "" if error is None else f"   gradient off by {error:.1%}"
            rate, times = row["chars_per_s"], row["ours_is_times"]
            print(f"  {row['engine']:28}{rate:12,.0f} chars/s   ×{times:5.2f}{note}")
        for precision, rate in ceiling["by_precision"].items():
            share = ours[ceiling["workload"]] / rate
            ((unit, value),) = ceiling["machine"][precision].items()
            name = f"ceiling {precision}"
            print(f"  {name:28}{rate:12,.0f} chars/s   {share:6.0%} of it   {value:,.1f} {unit}")
