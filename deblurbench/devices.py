"""Devices, threads and workers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from deblurbench.errors import UsageError

DEVICES = ("auto", "cpu", "cuda", "mps")


def find_device(name: str) -> torch.device:
    """Return the device named `name`, or the fastest for "auto". Raises UsageError where it is not available."""
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if available[kind]))
    if name not in available:
        raise UsageError(f"--device {name}: choose one of {', '.join(DEVICES)}")
    if not available[name]:
        raise UsageError(f"--device {name}: this machine (or this build of torch) has none; use --device cpu")
    return torch.device(name)


def synchronize(device: torch.device) -> None:
    """Wait until `device` has finished all kernels, which are launched asynchronously."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


@contextmanager
def one_thread_each(device: torch.device) -> Iterator[None]:
    """Run CPU operations on a single thread within the context, for work that is itself spread over threads."""
    threads = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def usual_workers(device: torch.device, processes: int = 1) -> int:
    """Return the default number of data loading workers for each of `processes` training processes on this machine.

    None on a CPU, whose cores the training itself needs; otherwise one less than the cores per process, from 1 to 8.
    """
    cores = (os.cpu_count() or 1) // processes
    return 0 if device.type == "cpu" else max(1, min(8, cores - 1))
