"""The device and the process group, from Accelerate; and what only one of several processes does."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

import torch
from accelerate import Accelerator
from accelerate.utils import InitProcessGroupKwargs

from deblurbench.devices import find_device
from deblurbench.errors import DeblurbenchError

PATIENCE = timedelta(days=1)  # the others wait while the first process scores a whole test set


def open_accelerator(device: str) -> Accelerator:
    """One process on `device`, or this one's place among several under `torchrun`."""
    logging.getLogger("torch.distributed").setLevel(logging.ERROR)
    return Accelerator(
        cpu=find_device(device).type == "cpu",
        mixed_precision="no",  # precision is a setting of each training, not of whoever launched the processes
        kwargs_handlers=[InitProcessGroupKwargs(timeout=PATIENCE)],
    )


def first_process_does(accelerator: Accelerator, action: Callable[[], object]) -> None:
    """Run `action` in the first process while the others wait; where it fails, it fails in all of them."""
    error: Exception | None = None
    if accelerator.is_main_process:
        try:
            action()
        except Exception as caught:  # kept until the others know
            error = caught
    if accelerator.num_processes > 1:
        failed = accelerator.reduce(torch.tensor(float(error is not None), device=accelerator.device), reduction="sum")
        if failed.item() and error is None:
            raise DeblurbenchError("the first process failed; its own message says why")
    if error is not None:
        raise error
