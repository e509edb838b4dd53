"""Ctrl+C while everything is still being imported: one line, exit code 130."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from deblurbench.__main__ import main

# Python runs this before anything of ours: SIGINT comes DELAY seconds after the first import of MODULE. Where the tests run
# in the background of a shell without job control, children inherit that SIGINT is ignored; here it is not.
SITECUSTOMIZE = """
import os, signal, sys, threading

signal.signal(signal.SIGINT, signal.default_int_handler)

class Interrupter:
    def find_spec(self, name, path=None, target=None):
        if name == os.environ["MODULE"]:
            sys.meta_path.remove(self)
            timer = threading.Timer(float(os.environ["DELAY"]), os.kill, (os.getpid(), signal.SIGINT))
            timer.daemon = True
            timer.start()
            if os.environ["DELAY"] == "0":
                timer.join()

sys.meta_path.insert(0, Interrupter())
"""
CONSOLE_SCRIPT = "import sys\nfrom deblurbench.__main__ import main\nif __name__ == '__main__':\n    sys.exit(main())\n"
ROOT = Path(__file__).parent.parent.parent
DEADLINE = 120  # seconds, after which an uninterrupted run is ended: the test fails


@pytest.mark.parametrize("start", ["module", "console script"])
@pytest.mark.parametrize(
    ("module", "delay"),
    [("typer", "0"), ("deblurbench.benchmark", "0"), ("torch", "0"), ("typer", "0.1"), ("typer", "0.3"), ("typer", "0.6")],
)
def test_in_the_first_second_it_is_one_line(tmp_path: Path, start: str, module: str, delay: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(SITECUSTOMIZE)
    (tmp_path / "deblurbench").write_text(CONSOLE_SCRIPT)
    command = ["-m", "deblurbench"] if start == "module" else [str(tmp_path / "deblurbench")]
    done = subprocess.run(
        [sys.executable, *command, "run", "quickstart", "--device", "cpu", "--out", str(tmp_path / "out")],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}", "MODULE": module, "DELAY": delay},
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE,
    )
    assert done.returncode == 130, done.stderr
    assert done.stderr.splitlines() == ["stopped; run the same command again to go on"]
    assert not (tmp_path / "out").exists()


def test_what_nobody_interrupts_is_not_changed_by_it() -> None:
    code = (
        "import signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import deblurbench, deblurbench.apps.cli\n"
        "assert signal.getsignal(signal.SIGINT) is signal.default_int_handler\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from deblurbench.apps.interruption import end_quietly_when_interrupted\n"
        "end_quietly_when_interrupted()\n"
        "assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN\n"
        "assert callable(deblurbench.load)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_command_that_is_installed_is_this_front_door() -> None:
    content = tomllib.loads((ROOT / "pyproject.toml").read_text())
    module, function = content["project"]["scripts"]["deblurbench"].split(":")
    assert getattr(importlib.import_module(module), function) is main
