"""The device and the process group, from Accelerate."""

from __future__ import annotations

import logging

from accelerate import Accelerator

from deblurbench.devices import find_device


def open_accelerator(device: str) -> Accelerator:
    """One process on `device`, or this one's place among several under `torchrun` or `accelerate launch`."""
    logging.getLogger("torch.distributed").setLevel(logging.ERROR)
    return Accelerator(cpu=find_device(device).type == "cpu")
