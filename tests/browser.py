"""A real browser for tests of pages: the system's Chromium or Chrome, or the one that Playwright has installed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Error, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


def system_browser() -> str | None:
    """The path of the system's own browser; None where there is none, and Playwright looks for its own."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def opens() -> bool:
    """Whether there is a browser, and it opens a page."""
    with sync_playwright() as playwright:
        try:
            playwright.chromium.launch(executable_path=system_browser(), args=FLAGS).close()
        except Error:
            return False
    return True


@contextmanager
def open_page(**options: Any) -> Iterator[tuple[Page, list[str], list[str]]]:
    """A page, whatever it complains about, and the addresses that it asks for over a network; `options` as of a context."""
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=system_browser(), args=FLAGS)
        except Error as error:
            pytest.fail(f"no browser: run `python -m tests.install_browser` ({error.message.splitlines()[0]})")
        page = browser.new_context(**options).new_page()
        complaints: list[str] = []
        requests: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith(("file:", "data:")) else requests.append(request.url))
        yield page, complaints, requests
        browser.close()
