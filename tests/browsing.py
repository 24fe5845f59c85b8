"""What the tests in a browser share: a real Chromium, and folders served on localhost."""

import functools
import http.server
import json
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import axe_core_python
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

PROGRAMS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)

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


def findings(page: Page) -> list[str]:
    """Name what axe finds serious or worse in a page."""
    page.evaluate(f"{AXE};0")
    rules = {"label-content-name-mismatch": {"enabled": True}}
    result = page.evaluate("rules => axe.run(document, { rules })", rules)
    return [
        json.dumps([found["id"], [node["html"][:200] for node in found["nodes"][:3]]])
        for found in result["violations"]
        if found["impact"] in ("serious", "critical")
    ]
