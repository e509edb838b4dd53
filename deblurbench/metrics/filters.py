"""Separable filters."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

GAUSSIAN_SIZE, GAUSSIAN_SIGMA = 11, 1.5  # the window of SSIM (Wang et al. 2004)


def gaussian_taps() -> Tensor:
    """Return the Gaussian window of SSIM (11,), float64, which sums to one."""
    offsets = torch.arange(GAUSSIAN_SIZE, dtype=torch.float64) - GAUSSIAN_SIZE // 2
    taps = torch.exp(-0.5 * (offsets / GAUSSIAN_SIGMA).square())
    return taps / taps.sum()


def separable_filter(images: Tensor, taps: Tensor) -> Tensor:
    """Correlate rows and columns of (B, C, H, W) float64 with `taps` (K,), valid region -> (B, C, H-K+1, W-K+1)."""
    return _filter_on_cpu(images, taps) if images.device.type == "cpu" else _filter_by_shifts(images, taps)


def _filter_on_cpu(images: Tensor, taps: Tensor) -> Tensor:
    """Filter with OpenCV, which is many times as fast as torch's depthwise convolution."""
    before, kernel = taps.numel() // 2, taps.numpy()
    batch, channels, height, width = images.shape
    rows, columns = height - taps.numel() + 1, width - taps.numel() + 1
    planes = np.empty((batch * channels, rows, columns))
    for place, plane in enumerate(images.flatten(0, 1).numpy()):
        filtered = cv2.sepFilter2D(plane, -1, kernel, kernel, borderType=cv2.BORDER_CONSTANT)
        planes[place] = filtered[before : before + rows, before : before + columns]
    return torch.from_numpy(planes).view(batch, channels, rows, columns)


def _filter_by_shifts(images: Tensor, taps: Tensor) -> Tensor:
    for dimension in (-1, -2):
        length = images.shape[dimension] - taps.numel() + 1
        filtered = torch.zeros_like(images.narrow(dimension, 0, length))
        for shift, tap in enumerate(taps.tolist()):
            filtered.add_(images.narrow(dimension, shift, length), alpha=tap)
        images = filtered
    return images
