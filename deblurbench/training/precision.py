"""The precision of training steps, and compilation."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext

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
    """Have torch.compile compile the blocks of `networks` at their first call, and a network that has none as a whole.

    Whole networks of two levels come out as NaN in bfloat16 on CPUs with AVX-512 under PyTorch 2.15; equal blocks are
    compiled once.
    """
    torch._dynamo.config.recompile_limit = 64  # blocks differ in width, resolution and precision
    for network in networks:
        for part in _blocks(network) or [network]:
            part.compile()


def uncompiled(settings: TrainingSettings) -> AbstractContextManager[object]:
    """A context in which compiled networks compute as they are written, for inputs of sizes that occur once."""
    return torch.compiler.set_stance("force_eager") if settings.compile else nullcontext()


def _blocks(module: nn.Module) -> list[nn.Module]:
    """The largest parts of `module` that are composed of others and are no containers of torch."""
    blocks: list[nn.Module] = []
    for child in module.children():
        is_block = any(True for _ in child.children()) and not type(child).__module__.startswith("torch.nn.")
        blocks += [child] if is_block else _blocks(child)
    return blocks
