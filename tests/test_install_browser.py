"""A machine that has Python and no browser gets one by `make test` alone."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests import install_browser
from tests.browser import NAMES, opens

ROOT = Path(__file__).parent.parent


class Machine:
    """A pretended machine: which programs it has, which commands work there, and which one brings a browser."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, programs: set[str], brings: str, user: int = 0) -> None:
        self.ran: list[str] = []
        self._brings, self._has_browser = brings, False
        monkeypatch.setattr(install_browser.shutil, "which", lambda name: name if name in programs else None)
        monkeypatch.setattr(os, "geteuid", lambda: user, raising=False)
        monkeypatch.setattr(install_browser.subprocess, "run", self._run)
        monkeypatch.setattr(install_browser, "opens", lambda: self._has_browser)

    def _run(self, command: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        text = " ".join(command)
        self.ran.append(text)
        self._has_browser = self._has_browser or self._brings in text
        return subprocess.CompletedProcess(command, 0)


@pytest.mark.parametrize("user", [0, 1000])
def test_apt_comes_first_where_it_can(monkeypatch: pytest.MonkeyPatch, user: int) -> None:
    machine = Machine(monkeypatch, {"apt-get", "sudo"}, brings="install --yes", user=user)
    install_browser.install()
    assert [command.split("apt-get -qq ")[1] for command in machine.ran] == [
        "update",
        "install --yes --no-install-recommends chromium",
    ]
    assert all(command.startswith("sudo --non-interactive") == (user != 0) for command in machine.ran)


@pytest.mark.parametrize("programs", [set(), {"apt-get"}])
def test_otherwise_playwright_installs_one_with_what_it_links_to(monkeypatch: pytest.MonkeyPatch, programs: set[str]) -> None:
    machine = Machine(monkeypatch, programs, brings="playwright install --with-deps chromium", user=1000)
    install_browser.install()
    assert len(machine.ran) == 1


def test_a_package_that_brings_no_browser_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ubuntu's package `chromium` points to a snap."""
    machine = Machine(monkeypatch, {"apt-get"}, brings="playwright")
    install_browser.install()
    assert "playwright" in machine.ran[-1]


def test_where_none_can_be_had_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    Machine(monkeypatch, {"apt-get"}, brings="nothing brings one")
    with pytest.raises(SystemExit, match="install Chromium or Chrome"):
        install_browser.install()


def test_with_a_browser_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the machine that runs this: `make test` has seen to one."""
    assert opens()
    monkeypatch.setattr(install_browser.subprocess, "run", lambda *_, **__: pytest.fail("something was run"))
    assert Path(install_browser.install()).name.split(" ")[-1] in {*NAMES, "Chromium"}


def test_make_sees_to_the_browser_and_ci_to_nothing_besides() -> None:
    ci = (ROOT / ".ci" / "run").read_text()
    assert "apt" not in ci
    assert "make test" in ci
    assert "-m tests.install_browser" in (ROOT / "Makefile").read_text()
