"""The device and the process group, by Accelerate, and actions of the first process alone."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

import torch
from accelerate import Accelerator
from accelerate.utils import InitProcessGroupKwargs

from deblurbench.devices import find_device
from deblurbench.errors import DeblurbenchError, UsageError
from deblurbench.training.schedule import stage_patches
from deblurbench.training.settings import TrainingSettings

TIMEOUT = timedelta(days=1)  # of the processes that wait while the first one scores a test set


def open_accelerator(device: str) -> Accelerator:
    """Open `device` for one process, or join the process group under `torchrun`."""
    logging.getLogger("torch.distributed").setLevel(logging.ERROR)
    return Accelerator(
        cpu=find_device(device).type == "cpu",
        mixed_precision="no",  # precision is a setting of each training, not of the launcher
        kwargs_handlers=[InitProcessGroupKwargs(timeout=TIMEOUT)],
    )


def first_process_does(accelerator: Accelerator, action: Callable[[], object]) -> None:
    """Run `action` in the first process while the others wait; an exception of it is raised in all of them."""
    error: Exception | None = None
    if accelerator.is_main_process:
        try:
            action()
        except Exception as caught:  # raised once the others know
            error = caught
    if accelerator.num_processes > 1:
        failed = accelerator.reduce(torch.tensor(float(error is not None), device=accelerator.device), reduction="sum")
        if failed.item() and error is None:
            raise DeblurbenchError("the first process failed; its own message says why")
    if error is not None:
        raise error


def require_divisible_batches(settings: TrainingSettings, processes: int) -> None:
    """Raise UsageError where `processes` cannot divide every batch evenly."""
    for _, _, batch_size in stage_patches(settings):
        if batch_size % processes:
            raise UsageError(f"training.batch_size: {batch_size} is not divisible by {processes} processes; make it a multiple")
