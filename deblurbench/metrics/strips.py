"""Means over images, computed strip by strip."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from deblurbench.metrics.base import require_same_size

STRIP_VALUES = 240_000  # float64 numbers of a strip: with its intermediate results it fits the cache of a CPU


def mean_in_strips(function: Callable[[Tensor, Tensor], Tensor], first: Tensor, second: Tensor, *, overlap: int = 0) -> Tensor:
    """Return the mean (B,) of `function(first, second)`, a map (B, C, H - overlap, W') in float64, of two (B, C, H, W).

    A CPU computes strips of rows one after another, which halves the time of large images; other devices all at once. Raises
    ValueError if the shapes differ.
    """
    require_same_size(first, second)
    height = first.shape[-2] - overlap
    rows = height
    if first.device.type == "cpu":
        rows = max(16, STRIP_VALUES // (first.numel() // first.shape[-2]))
    total, count = torch.zeros(first.shape[0], dtype=torch.float64, device=first.device), 0
    for top in range(0, height, rows):
        length = min(rows, height - top) + overlap
        strips = (images.narrow(-2, top, length).to(torch.float64) for images in (first, second))
        values = function(*strips).flatten(1)  # (B, C x rows x W')
        total += values.sum(dim=1, dtype=torch.float64)
        count += values.shape[1]
    return total / count
