"""The command line in real processes that need not import everything anew: forked from a server that has."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch

from deblurbench.__main__ import main
from tests import quick
from tests.benchmark.die_at import die_at

CONTEXT = multiprocessing.get_context("forkserver")
PRELOADED = ["deblurbench.apps.experiments", "torch.utils.tensorboard", "torch._dynamo", "tests.benchmark.forked"]
CONTEXT.set_forkserver_preload(PRELOADED)
PATIENCE = 240  # seconds


class Command:
    """`deblurbench` with `arguments`, started in a session of its own.

    It may `die` as `die_at` says, and may write no file of more than `largest` bytes.
    """

    def __init__(self, *arguments: str, die: tuple[str, int, str] | None = None, largest: int | None = None) -> None:
        self._output = Path(tempfile.mkstemp(suffix=".log")[1])
        self._process = CONTEXT.Process(target=_enter, args=(self._output, arguments, die, largest))
        self._process.start()

    @property
    def pid(self) -> int | None:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs; below zero the signal that ended it."""
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def communicate(self, timeout: float = PATIENCE) -> str:
        """Wait until it ends, and return all that it printed."""
        self._process.join(timeout)
        text = self._output.read_text()
        assert self._process.exitcode is not None, f"did not end in {timeout} seconds: {text}"
        self._output.unlink(missing_ok=True)
        return text


def _enter(output: Path, arguments: Sequence[str], die: tuple[str, int, str] | None, largest: int | None) -> None:
    os.setsid()
    file = os.open(output, os.O_WRONLY)
    os.dup2(file, 1)
    os.dup2(file, 2)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    torch.set_num_threads(1)
    for make_quick in (quick.measure_little, quick.wait_for_no_disk, quick.render_no_figures):
        make_quick(setattr)
    if largest is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    if die is not None:
        die_at(*die)
    sys.argv = ["deblurbench", *arguments]
    main()
