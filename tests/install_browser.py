"""`python -m tests.install_browser`: have a browser for the tests of pages, in whatever way this system gets one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

from tests.browser import opens, system_browser

APT = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq")


def commands() -> Iterator[list[list[str]]]:
    """The ways to install one, best first, each as the commands that it takes: the system's own, then Playwright's."""
    if shutil.which("apt-get"):
        # Debian has a package of this name; Ubuntu's only points to a snap, which may come to nothing.
        first = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
        if not first or shutil.which("sudo"):
            yield [[*first, *APT, "update"], [*first, *APT, "install", "--yes", "--no-install-recommends", "chromium"]]
    playwright = [sys.executable, "-m", "playwright", "install"]
    yield [[*playwright, "--with-deps", "chromium"]]  # with the libraries that it links to: needs root or sudo
    yield [[*playwright, "chromium"]]


def install() -> str:
    """Install a browser unless there is one that opens a page; what it is. Exits with a line where none can be had."""
    if opens():
        return system_browser() or "Playwright's Chromium"
    for way in commands():
        print("no browser yet; running:", *(" ".join(command) for command in way), sep="\n  ", flush=True)
        if all(subprocess.run(command, stdout=subprocess.DEVNULL).returncode == 0 for command in way) and opens():
            return system_browser() or "Playwright's Chromium"
    sys.exit("no browser could be installed, and pages are tested in one: install Chromium or Chrome, and run this again")


if __name__ == "__main__":
    print(f"pages are tested in {install()}")
