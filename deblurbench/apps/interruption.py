"""Ctrl+C at any moment from the start: one line, and the exit code 130."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType

INTERRUPTED = 130
STOPPED = "stopped; run the same command again to go on"


def end_quietly_when_interrupted() -> None:
    """Let Ctrl+C end this process with one line from now on; where it is ignored (under `nohup`, say), it stays so."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Within it, Ctrl+C raises KeyboardInterrupt, so that work is left in order; before and after, there is none to leave."""
    ends = signal.getsignal(signal.SIGINT) is _end
    if ends:
        signal.signal(signal.SIGINT, _raise_or_end)
    try:
        yield
    finally:
        if ends:
            signal.signal(signal.SIGINT, _end)


def _raise_or_end(number: int, frame: FrameType | None) -> None:
    """KeyboardInterrupt, but in the middle of an import, which may turn it into another error or swallow it."""
    outer = frame
    while outer is not None:
        if outer.f_code.co_filename.startswith("<frozen importlib"):
            _end(number, frame)
        outer = outer.f_back
    raise KeyboardInterrupt


def _end(number: int, frame: FrameType | None) -> None:
    with contextlib.suppress(Exception):  # a stream that is being written to at this very moment
        sys.stdout.flush()
    os.write(2, f"{STOPPED}\n".encode())
    os._exit(INTERRUPTED)
