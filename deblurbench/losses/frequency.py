"""A loss that compares spectra."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from deblurbench.losses.base import Loss
from deblurbench.registry import LOSSES, NonNegativeFloat


@LOSSES.register("fft")
class FFTLoss(Loss):
    """Mean absolute difference of the real and imaginary parts of the images' spectra, over all frequencies.

    `norm` is torch.fft's: with "backward" it is the loss of MIMO-UNet (Cho et al. 2021), whose size grows with the image's
    side; with "ortho" it does not.
    """

    def __init__(self, *, weight: NonNegativeFloat = 0.1, norm: Literal["ortho", "backward"] = "ortho") -> None:
        super().__init__(weight)
        self.norm = norm

    def forward(self, restored: Tensor, sharp: Tensor) -> Tensor:
        difference = restored.float() - sharp.float()  # linear: one transform serves both
        spectrum = torch.view_as_real(torch.fft.rfft2(difference, norm=self.norm)).abs()
        # Of the columns of the whole spectrum it has the first, the middle one of an even width, and one of each other two.
        counts = torch.full(spectrum.shape[-2:-1], 2.0, device=spectrum.device)
        counts[0] = 1
        if difference.shape[-1] % 2 == 0:
            counts[-1] = 1
        return (spectrum.sum(dim=(0, 1, 2, 4)) * counts).sum() / (2 * difference.numel())
