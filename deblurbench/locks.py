"""Locks: one process at a time works in a folder, and whoever comes second is told who does."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from deblurbench.errors import UsageError
from deblurbench.files import read_json, write_json

LOCK, HOLDER = ".lock", ".lock.json"


@contextmanager
def claim(folder: Path) -> Iterator[None]:
    """Hold `folder`, which is made where there is none, for this process alone during a `with` block.

    Raises UsageError where another process holds it, which names the process, its machine and since when.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise UsageError(f"{folder}: is in use by {_holder(folder)}; wait until it ends, or stop it") from error
    try:
        since = datetime.now(UTC).isoformat(sep=" ", timespec="seconds")
        write_json(folder / HOLDER, {"process": os.getpid(), "machine": platform.node(), "since": since})
        yield
    finally:
        (folder / HOLDER).unlink(missing_ok=True)
        lock.release()


def require_unclaimed(folder: Path) -> None:
    """Raise UsageError, as `claim` does, where another process holds `folder`; nothing is written."""
    if (folder / LOCK).is_file():
        lock = FileLock(folder / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise UsageError(f"{folder}: is in use by {_holder(folder)}; wait until it ends, or stop it") from error
        lock.release()


def _holder(folder: Path) -> str:
    """The process that holds `folder`, as a message names it."""
    try:
        holder = read_json(folder / HOLDER)
        return f"process {holder['process']} on {holder['machine']} since {holder['since']}"
    except (OSError, ValueError, KeyError, TypeError):  # it has just begun, or just ended
        return "another process"
