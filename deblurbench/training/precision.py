"""The precision of training steps, and compilation."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable

import torch
from torch import nn

from deblurbench.errors import UsageError
from deblurbench.training.settings import TrainingSettings

TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
MIN_SCALE = 1.0  # of float16 losses: if gradients overflow even with this, training has diverged


def autocast(settings: TrainingSettings, device: torch.device) -> torch.autocast:
    """The autocast context in which losses are computed."""
    return torch.autocast(device.type, TYPES[settings.precision], enabled=settings.precision != "float32")


def gradient_scaler(settings: TrainingSettings, device: torch.device) -> torch.amp.GradScaler:
    """A gradient scaler that keeps float16 gradients from underflow; it does nothing in other precisions."""
    return torch.amp.GradScaler(device.type, init_scale=2.0**12, growth_interval=500, enabled=settings.precision == "float16")


def require_compiler(settings: TrainingSettings, device: torch.device) -> None:
    """Raise UsageError where torch.compile is asked for on a CPU without a C++ compiler."""
    compilers = (os.environ.get("CXX", "c++"), "c++", "g++", "clang++", "cl")
    if settings.compile and device.type == "cpu" and not any(shutil.which(name) for name in compilers):
        raise UsageError("training.compile: torch.compile needs a C++ compiler, and there is none; install one or leave it out")


def compile_networks(networks: Iterable[nn.Module]) -> None:
    """Have torch.compile compile `networks` at their first call."""
    for network in networks:
        network.compile()
