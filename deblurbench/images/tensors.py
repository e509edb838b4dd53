"""Integer pixels <-> float tensors."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from deblurbench.images.photo import Pixels

Reduction = Literal["area", "nearest", "bilinear", "gaussian"]


def to_tensor(pixels: Pixels) -> Tensor:
    """(H, W, 3) uint8 or uint16 -> (1, 3, H, W) float32 in [0, 1]."""
    return to_float(torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None])


def to_float(images: Tensor) -> Tensor:
    """Integer images of any shape -> float32 in [0, 1]; the range is that of the dtype, never guessed."""
    return images.to(torch.float32).div_(torch.iinfo(images.dtype).max)


def to_pixels(image: Tensor, dtype: np.dtype[Any] | type[np.uint8] = np.uint8) -> Pixels:
    """(1, 3, H, W) or (3, H, W), clipped to [0, 1] -> (H, W, 3), rounded to the nearest integer of `dtype`."""
    planes = image.detach().reshape(image.shape[-3:]).to("cpu", torch.float64).clamp(0, 1)
    scaled = (planes * np.iinfo(dtype).max).round().permute(1, 2, 0).numpy().astype(dtype)
    return np.ascontiguousarray(scaled)


def at_scale(image: Tensor, scale: int, by: Reduction = "area") -> Tensor:
    """Downsample `image` (B, C, H, W) by 2^`scale`; rows and columns that fill no block are left out.

    `by` "area" takes each block's mean; as F.interpolate, "nearest" takes its first pixel and "bilinear" the mean of its
    central four. "gaussian" blurs by a Gaussian of sigma 2/3 before each of `scale` halvings, as scikit-image's
    `pyramid_gaussian`.
    """
    if scale == 0:
        return image
    if by == "area":
        return F.avg_pool2d(image, 2**scale)
    if by == "gaussian":
        for _ in range(scale):
            image = _blur_and_downsample(_blur_and_downsample(image, 2), 3)
        return image
    return F.interpolate(image, scale_factor=0.5**scale, mode=by)


def _blur_and_downsample(image: Tensor, dim: int) -> Tensor:
    """Blur along `dim` by seven taps and average neighbouring pairs; symmetric padding (the edge is repeated)."""
    taps = torch.exp(-0.5 * (torch.arange(-3, 4, dtype=torch.float64) / (2 / 3)).square())
    taps = ((F.pad(taps, (0, 1)) + F.pad(taps, (1, 0))) / (2 * taps.sum())).to(image)
    size = image.shape[dim]
    positions = torch.arange(-3, size + 3, device=image.device) % (2 * size)
    padded = image.index_select(dim, torch.minimum(positions, 2 * size - 1 - positions))
    return (padded.unfold(dim, 8, 2) * taps).sum(dim=-1)  # no matrix product, which autocast would round
