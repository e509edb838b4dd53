"""Filters in the discrete Fourier domain, and the padding that keeps their wrap-around out of an image."""

from __future__ import annotations

import torch
from torch import Tensor

from deblurbench.images.cropping import reflect

MARGIN_FACTOR = 2  # times the size of the kernel: the margin within which wrap-around decays


def transfer_function(kernel: Tensor, height: int, width: int) -> Tensor:
    """The transfer function (H, W // 2 + 1) of a centred `kernel` (h, w) on images of `height` x `width`, at least as large."""
    rows, columns = kernel.shape
    padded = kernel.new_zeros(height, width)  # (h, w) -> (H, W)
    padded[:rows, :columns] = kernel
    padded = torch.roll(padded, (-(rows // 2), -(columns // 2)), dims=(0, 1))
    return torch.fft.rfft2(padded)  # (H, W // 2 + 1)


def apply_filter(image: Tensor, response: Tensor) -> Tensor:
    """Multiply the periodic `image` (B, C, H, W) by `response` (H, W // 2 + 1) in the frequency domain."""
    return torch.fft.irfft2(torch.fft.rfft2(image) * response, s=image.shape[-2:])


def pad_margin(image: Tensor, margin: int) -> Tensor:
    """Pad `image` (B, C, H, W) by `margin` pixels at each border, reflected as often as that takes."""
    rows, columns = (torch.from_numpy(reflect(-margin, side + 2 * margin, side)).to(image.device) for side in image.shape[-2:])
    return image[..., rows, :][..., columns]


def crop_margin(image: Tensor, margin: int) -> Tensor:
    """Remove `margin` pixels at each border of `image`: the inverse of `pad_margin`."""
    return image[..., margin : image.shape[-2] - margin, margin : image.shape[-1] - margin]
