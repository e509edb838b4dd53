"""What every metric is."""

from __future__ import annotations

from typing import ClassVar, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F


class Metric(Protocol):
    """`metric(restored, sharp)`: (B, C, H, W) twice, in [0, 1] -> (B,) float64, one number an image."""

    higher_is_better: ClassVar[bool]
    label: ClassVar[str]  # the heading of its column, with the unit
    decimals: ClassVar[int]

    def __call__(self, restored: Tensor, sharp: Tensor) -> Tensor: ...


def mean_over_image(values: Tensor) -> Tensor:
    """(B, ...) -> (B,), the mean of everything but the batch."""
    return values.flatten(1).mean(dim=1)


def separable_filter(images: Tensor, taps: Tensor) -> Tensor:
    """Correlate rows, then columns, of (B, C, H, W) with `taps` (K,), valid region only -> (B, C, H-K+1, W-K+1)."""
    channels, size = images.shape[1], taps.numel()
    taps = taps.to(images)
    rows = F.conv2d(images, taps.view(1, 1, 1, size).expand(channels, 1, 1, size), groups=channels)
    return F.conv2d(rows, taps.view(1, 1, size, 1).expand(channels, 1, size, 1), groups=channels)


def require_pair(restored: Tensor, sharp: Tensor) -> tuple[Tensor, Tensor]:
    """Both as float64. Raises ValueError where their shapes differ."""
    if restored.shape != sharp.shape:
        raise ValueError(f"the images differ in size: {tuple(restored.shape)} and {tuple(sharp.shape)}")
    return restored.to(torch.float64), sharp.to(torch.float64)
