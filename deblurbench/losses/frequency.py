"""A loss in the frequency domain."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from deblurbench.losses.base import Loss
from deblurbench.registry import LOSSES, NonNegativeFloat


@LOSSES.register("fft")
class FFTLoss(Loss):
    """L1 distance of the real and imaginary parts of the images' Fourier transforms, averaged over all frequencies.

    `norm` is that of torch.fft: with "backward" it is the loss of MIMO-UNet (Cho et al. 2021), which scales with the side of
    the image; with "ortho" it does not.
    """

    def __init__(self, *, weight: NonNegativeFloat = 0.1, norm: Literal["ortho", "backward"] = "ortho") -> None:
        super().__init__(weight)
        self.norm = norm

    def forward(self, restored: Tensor, sharp: Tensor) -> Tensor:
        difference = restored.float() - sharp.float()  # the transform is linear: one for both images
        spectrum = torch.view_as_real(torch.fft.rfft2(difference, norm=self.norm)).abs()  # (B, 3, H, W // 2 + 1, 2)
        # `rfft2` leaves out conjugates: every column counts twice, except the first and, for an even width, the last.
        counts = torch.full(spectrum.shape[-2:-1], 2.0, device=spectrum.device)
        counts[0] = 1
        if difference.shape[-1] % 2 == 0:
            counts[-1] = 1
        return (spectrum.sum(dim=(0, 1, 2, 4)) * counts).sum() / (2 * difference.numel())
