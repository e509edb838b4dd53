"""Where to compute."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from deblurbench.errors import UsageError

DEVICES = ("auto", "cpu", "cuda", "mps")


def find_device(name: str) -> torch.device:
    """The device called `name`; "auto" takes the fastest there is. Raises UsageError where it is not to be had."""
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if available[kind]))
    if name not in available:
        raise UsageError(f"--device {name}: choose one of {', '.join(DEVICES)}")
    if not available[name]:
        raise UsageError(f"--device {name}: this machine (or this build of torch) has none; use --device cpu")
    return torch.device(name)


def synchronize(device: torch.device) -> None:
    """Wait until `device` has done what it was given; without this, times are of the asking only."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


@contextmanager
def one_thread_each(device: torch.device) -> Iterator[None]:
    """Within it, operations on a CPU take one thread: for work of which several threads do a part each."""
    threads = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def usual_workers(device: torch.device, processes: int = 1) -> int:
    """How many workers should prepare batches for each of so many training processes on this machine.

    On a CPU none, which the training needs itself; else its share of the cores but one, at most 8.
    """
    cores = (os.cpu_count() or 1) // processes
    return 0 if device.type == "cpu" else max(1, min(8, cores - 1))
