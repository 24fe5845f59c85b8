"""Time the sampler in Chromium as a page of the book runs it, worker, shading and all."""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page
from timing import machine
from workloads import ALPHABET_SIZE, Workload, workloads

from rnnbook import checkpoints
from rnnbook.sampler_widget import STATIC
from rnnbook.text import Alphabet

sys.path.append(str(Path(__file__).resolve().parent.parent))
from tests.browsing import chromium, served

ALPHABET = Alphabet("".join(chr(ord("0") + i) for i in range(ALPHABET_SIZE)))
PAGE = """<!doctype html><title>a page</title><link rel="stylesheet" href="sampler/sampler.css">"""
# Counts from when the bytes of the model are there; tasks under 50 ms are not reported.
RUN = """async (length) => {
    const { Sampler } = await import("/sampler/sampler.js");
    const settings = { prompt: "A", length, temperature: 1, top_k: null, top_p: null, seed: 0 };
    const long = [];
    new PerformanceObserver((list) => long.push(...list.getEntries().map((e) => e.duration)))
        .observe({ type: "longtask" });
    let there, first, count = 0;
    const sampler = new Sampler({
        name: "a model",
        settings,
        checkpoints: [{ label: "trained", file: "model.safetensors", bytes: 1, fresh: false }],
        startWorker: () => new Worker("/sampler/worker.js", { type: "module" }),
        fetchFile: async (file) => {
            const bytes = await (await fetch(file, { cache: "no-store" })).arrayBuffer();
            there = performance.now();
            return bytes;
        },
        onchange: ({ text }) => {
            first ??= performance.now();
            count = text.length;
        },
    });
    document.body.append(sampler.element);
    await sampler.run();
    const seconds = (performance.now() - first) / 1000;
    // The last task is reported after it, and after what it has the browser draw.
    await new Promise((resolve) => setTimeout(resolve, 300));
    sampler.close();
    sampler.element.remove();
    return {
        chars_per_s: (count - 1) / seconds,
        first_character_ms: first - there,
        longest_task_ms: Math.max(0, ...long),
    };
}"""


def measure(page: Page, folder: Path, workload: Workload, rounds: int, length: int) -> dict:
    """Write a model's file into the folder that is served and let the page write with it."""
    path = folder / "model.safetensors"
    checkpoints.save(path, workload.model, ALPHABET, {}, "int8")
    turns = [page.evaluate(RUN, length) for _ in range(rounds)]
    figures = {name: statistics.median(turn[name] for turn in turns) for name in turns[0]}
    figures["longest_task_ms"] = max(turn["longest_task_ms"] for turn in turns)
    return {"workload": workload.name, "file_bytes": path.stat().st_size, **figures}


def main() -> None:
    """Print what was measured, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="texts of every model (5)")
    parser.add_argument("--length", type=int, default=3000, help="characters of a text (3000)")
    parser.add_argument("--quick", action="store_true", help="tiny models, to try it out")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(STATIC, folder / "sampler")
        (folder / "index.html").write_text(PAGE)
        with chromium() as browser, served(folder) as address:
            page = browser.new_page()
            page.goto(address)
            rows = [
                measure(page, folder, workload, asked.rounds, asked.length)
                for workload in workloads(asked.quick)
            ]
            version = browser.version
    print(json.dumps({"machine": machine(), "chromium": version, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
