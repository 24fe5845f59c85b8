"""What the tests in a browser share: a real Chromium, and folders served on localhost."""

import functools
import http.server
import json
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import axe_core_python
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

PROGRAMS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)

WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
HOSTS = re.compile(r"^https?://(?!127\.0\.0\.1:)")
AXE = Path(axe_core_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser; without one the test is skipped, where nothing may be skipped it fails."""
    path = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if path is None:
        message = "there is no Chromium or Chrome: pages are not opened in a browser"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=options)
        yield browser
        browser.close()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder; gives its address, with a slash at the end."""
    handler = functools.partial(QuietHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: pytest shows what matters."""


@contextmanager
def visiting(browser: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """Give a function that opens a page; at the end, fail if one complained or asked elsewhere."""
    contexts, complaints = [], []

    def opened(name: str, *, expected: str = "nothing", **settings: object) -> Page:
        context = browser.new_context(**{"viewport": WIDE, **settings})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: (
                said.type == "error" and expected not in said.text and complaints.append(said.text)
            ),
        )
        page.on("request", lambda asked: HOSTS.match(asked.url) and complaints.append(asked.url))
        page.goto(f"{address}{name}.html", wait_until="load")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def generate(page: Page, index: int = 0) -> str:
    """Press Generate, wait until it is done; return what the model wrote."""
    sampler = page.get_by_role("region", name="Sampler:").nth(index)
    button = sampler.get_by_role("button", name="Generate")
    button.click()
    expect(button).to_be_enabled()
    # The first: a sampler of tunes has another for its player.
    expect(sampler.get_by_role("status").first).to_contain_text(re.compile("^Wrote"))
    return written(page, index)


def written(page: Page, index: int = 0, column: int = 0) -> str:
    """Return what stands in a column of a sampler, without the prompt."""
    sampler = page.get_by_role("region", name="Sampler:").nth(index)
    return sampler.locator(".text .prompt + span").nth(column).evaluate("e => e.textContent")


def findings(page: Page) -> list[str]:
    """Name what axe finds serious or worse in a page, once nothing fades or moves any more."""
    page.evaluate(
        """() => new Promise(requestAnimationFrame).then(() => Promise.allSettled(
            document.getAnimations()
                .filter(e => e.effect.getComputedTiming().endTime < Infinity)
                .map(e => e.finished)))"""
    )
    page.evaluate(f"{AXE};0")
    rules = {"label-content-name-mismatch": {"enabled": True}}
    result = page.evaluate("rules => axe.run(document, { rules })", rules)
    return [
        json.dumps([found["id"], [node["html"][:200] for node in found["nodes"][:3]]])
        for found in result["violations"]
        if found["impact"] in ("serious", "critical")
    ]
