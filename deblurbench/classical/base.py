"""The base class of classical methods, and how non-blind ones obtain the kernel."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from deblurbench.blur.kernels import gaussian_kernel
from deblurbench.blur.light import linear_to_srgb, srgb_to_linear
from deblurbench.classical.fourier import MARGIN, cropped, mirrored_frame


class Method(ABC):
    """A classical method: an image in, an image out. An oracle is given the true blur kernel with each image."""

    is_oracle = False

    @abstractmethod
    def __call__(self, blurred: Tensor, kernel: Tensor | None) -> Tensor:
        """Restore (B, 3, H, W) of values in [0, 1]; `kernel` (h, w) is given to oracles, and otherwise not looked at."""


class Deconvolution(Method):
    """A method that undoes one kernel, the true one or a guessed Gaussian, in linear light if asked.

    Light is what blur convolves; beyond its borders the image is mirrored.
    """

    def __init__(self, guessed_sigma: float | None, linear_light: bool) -> None:
        self.guessed_sigma, self.linear_light = guessed_sigma, linear_light
        self.is_oracle = guessed_sigma is None

    def __call__(self, blurred: Tensor, kernel: Tensor | None) -> Tensor:
        if self.guessed_sigma is not None:
            kernel = gaussian(self.guessed_sigma)
        assert kernel is not None  # an oracle is only called with one
        kernel = kernel.to(blurred)
        margin = MARGIN * max(kernel.shape)
        light = srgb_to_linear(blurred) if self.linear_light else blurred
        restored = cropped(self.deconvolve(mirrored_frame(light, margin), kernel), margin).clamp(0, 1)
        return linear_to_srgb(restored) if self.linear_light else restored

    @abstractmethod
    def deconvolve(self, blurred: Tensor, kernel: Tensor) -> Tensor:
        """Undo `kernel` (h, w) in (B, C, H, W), whose borders do not count."""


def gaussian(sigma: float) -> Tensor:
    """An isotropic Gaussian (2r + 1, 2r + 1) of standard deviation `sigma` pixels, r = 4 sigma; it sums to one."""
    return torch.from_numpy(gaussian_kernel(sigma, math.ceil(4 * sigma)))
