"""The mean over an image's turns and reflections."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def mean_over_turns(restore: Callable[[Tensor], Tensor], image: Tensor) -> Tensor:
    """The mean of what `restore` makes of `image` (B, C, H, W) in its eight turns and reflections, turned back."""
    total = torch.zeros_like(image)
    for quarters in range(4):
        for mirrored in (False, True):
            turned = torch.rot90(image.flip(3) if mirrored else image, quarters, (2, 3))
            back = torch.rot90(restore(turned), -quarters, (2, 3))
            total += back.flip(3) if mirrored else back
    return total / 8
