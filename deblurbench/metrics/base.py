"""What every metric is."""

from __future__ import annotations

from typing import ClassVar, Protocol

import torch
from torch import Tensor


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
    for dimension in (-1, -2):
        length = images.shape[dimension] - taps.numel() + 1
        # Sums of shifted images: many times faster than torch's depthwise convolution in float64.
        filtered = torch.zeros_like(images.narrow(dimension, 0, length))
        for shift, tap in enumerate(taps.tolist()):
            filtered.add_(images.narrow(dimension, shift, length), alpha=tap)
        images = filtered
    return images


def require_pair(restored: Tensor, sharp: Tensor) -> tuple[Tensor, Tensor]:
    """Both as float64. Raises ValueError where their shapes differ."""
    if restored.shape != sharp.shape:
        raise ValueError(f"the images differ in size: {tuple(restored.shape)} and {tuple(sharp.shape)}")
    return restored.to(torch.float64), sharp.to(torch.float64)
