"""The mean over an image's rotations and reflections."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

SYMMETRIES = 8  # four rotations, each with and without a reflection


def self_ensemble_mean(restore: Callable[[Tensor], Tensor], image: Tensor) -> Tensor:
    """The mean of `restore` over the eight rotations and reflections of `image` (B, C, H, W), each undone afterwards."""
    total = torch.zeros_like(image)
    for quarters in range(4):
        for is_reflected in (False, True):
            transformed = torch.rot90(image.flip(3) if is_reflected else image, quarters, (2, 3))  # odd: (B, C, W, H)
            restored = torch.rot90(restore(transformed), -quarters, (2, 3))  # (B, C, H, W)
            total += restored.flip(3) if is_reflected else restored
    return total / SYMMETRIES
