"""The base class of classical methods, and how non-blind ones obtain the kernel."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from deblurbench.blur.kernels import gaussian_kernel
from deblurbench.blur.light import linear_to_srgb, srgb_to_linear
from deblurbench.classical.fourier import MARGIN_FACTOR, crop_margin, pad_margin


class Method(ABC):
    """A classical method: it restores without learning. An oracle is given the true blur kernel of each image."""

    is_oracle = False

    @abstractmethod
    def __call__(self, blurred: Tensor, kernel: Tensor | None) -> Tensor:
        """Restore (B, 3, H, W) of values in [0, 1]; only an oracle needs and uses `kernel` (h, w)."""


class Deconvolution(Method):
    """Deconvolution by one kernel, the true one or a guessed Gaussian, optionally in linear light.

    Blur is a convolution of linear light. At its borders the image is padded by reflection.
    """

    def __init__(self, guessed_sigma: float | None, linear_light: bool) -> None:
        self.guessed_sigma, self.linear_light = guessed_sigma, linear_light
        self.is_oracle = guessed_sigma is None

    def __call__(self, blurred: Tensor, kernel: Tensor | None) -> Tensor:
        if self.guessed_sigma is not None:
            kernel = gaussian(self.guessed_sigma)
        assert kernel is not None  # an oracle is only called with one
        kernel = kernel.to(blurred)
        margin = MARGIN_FACTOR * max(kernel.shape)
        light = srgb_to_linear(blurred) if self.linear_light else blurred
        padded = pad_margin(light, margin)  # (B, 3, H + 2 margin, W + 2 margin)
        restored = crop_margin(self.deconvolve(padded, kernel), margin).clamp(0, 1)  # (B, 3, H, W)
        return linear_to_srgb(restored) if self.linear_light else restored

    @abstractmethod
    def deconvolve(self, blurred: Tensor, kernel: Tensor) -> Tensor:
        """Deconvolve (B, C, H, W) by `kernel` (h, w); the margin of the result is discarded."""


def gaussian(sigma: float) -> Tensor:
    """An isotropic Gaussian (2r + 1, 2r + 1) of standard deviation `sigma` pixels, r = 4 sigma; it sums to one."""
    return torch.from_numpy(gaussian_kernel(sigma, math.ceil(4 * sigma)))
