"""Chromium without a window, for the tests of pages that open from disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.requirements import installed

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDE, NARROW = (1280, 900), (360, 740)


@contextmanager
def chromium() -> Iterator[Any]:
    """The browser of the system. Skip where it is missing, with what to install; in CI that is a failure."""
    installed("playwright.sync_api", "axe_playwright_python.sync_playwright")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=60_000)  # milliseconds; the machine may be busy

    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        message = "there is no Chromium: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    # As root, and in most containers, Chromium has no sandbox of its own.
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"]) as browser,
    ):
        yield browser


@contextmanager
def opened(browser: Any, file: Path, *, dark: bool = False, size: tuple[int, int] = WIDE) -> Iterator[Any]:
    """Open a page from disk. Fail if the console has a message or the page asks for anything but a file."""
    complaints: list[str] = []
    with browser.new_context(
        color_scheme="dark" if dark else "light", viewport={"width": size[0], "height": size[1]}
    ) as context:
        page = context.new_page()
        page.set_default_timeout(60_000)  # milliseconds; the machine may be busy
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
        page.on(
            "request", lambda request: request.url.startswith(("file://", "data:")) or complaints.append(request.url)
        )
        page.goto(file.as_uri())
        yield page
    assert complaints == []


def is_remote(url: str) -> bool:
    """Whether a page asks for something that is not a file on this disk."""
    return not url.startswith(("file://", "data:"))


def faults(page: Any) -> list[str]:
    """What axe-core finds against WCAG 2.2 AA and its own best practice. A chart is one image to it."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"runOnly": RULES, "preload": False}).response["violations"]
    return [
        f"{fault['id']}: {node['html'][:200]} {node['failureSummary']}" for fault in found for node in fault["nodes"]
    ]


def overflow(page: Any) -> int:
    """Pixels by which the page is wider than the window."""
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))
