"""Filters through the discrete Fourier transform, and the frame that keeps their wrap-around from an image."""

from __future__ import annotations

import torch
from torch import Tensor

from deblurbench.images.cropping import reflect

MARGIN = 2  # times the kernel: the frame in which whatever wraps around dies away


def transfer_function(kernel: Tensor, height: int, width: int) -> Tensor:
    """The response (H, W / 2 + 1) of a centred `kernel` (h, w) on images of `height` x `width`, which must be as large."""
    rows, columns = kernel.shape
    padded = kernel.new_zeros(height, width)
    padded[:rows, :columns] = kernel
    padded = torch.roll(padded, (-(rows // 2), -(columns // 2)), dims=(0, 1))
    return torch.fft.rfft2(padded)


def filtered(image: Tensor, response: Tensor) -> Tensor:
    """(B, C, H, W), taken as periodic, times `response` in the frequency domain."""
    return torch.fft.irfft2(torch.fft.rfft2(image) * response, s=image.shape[-2:])


def mirrored_frame(image: Tensor, margin: int) -> Tensor:
    """`image` (B, C, H, W) with `margin` pixels around it, mirrored as often as that takes."""
    rows, columns = (torch.from_numpy(reflect(-margin, side + 2 * margin, side)).to(image.device) for side in image.shape[-2:])
    return image[..., rows, :][..., columns]


def cropped(image: Tensor, margin: int) -> Tensor:
    """`image` without the frame of `margin` pixels."""
    return image[..., margin : image.shape[-2] - margin, margin : image.shape[-1] - margin]
