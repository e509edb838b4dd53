"""A loss that compares spectra."""

from __future__ import annotations

import torch
from torch import Tensor

from deblurbench.losses.base import Loss
from deblurbench.registry import LOSSES, NonNegativeFloat


@LOSSES.register("fft")
class FFTLoss(Loss):
    """Mean absolute difference of the real and imaginary parts of the images' spectra (MIMO-UNet, Cho et al. 2021).

    The spectra are orthonormal, so that its size does not grow with the image's.
    """

    def __init__(self, *, weight: NonNegativeFloat = 0.1) -> None:
        super().__init__(weight)

    def forward(self, restored: Tensor, sharp: Tensor) -> Tensor:
        spectrum = torch.fft.rfft2(restored.float() - sharp.float(), norm="ortho")  # linear: one transform serves both
        return torch.view_as_real(spectrum).abs().mean()
