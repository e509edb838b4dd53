"""An edge loss, which needs no pretrained weights."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from deblurbench.losses.base import Loss
from deblurbench.losses.pixel import charbonnier
from deblurbench.registry import LOSSES, NonNegativeFloat, PositiveFloat

TAPS = (0.05, 0.25, 0.4, 0.25, 0.05)  # of the kernel of Burt & Adelson (1983)


@LOSSES.register("edge")
class Edge(Loss):
    """Charbonnier distance of the finest levels of the images' Laplacian pyramids: the frequencies that blur removes first.

    The edge loss of MPRNet (Zamir et al. 2021, after Jiang et al. 2020), which has the same default weight.
    """

    def __init__(self, *, weight: NonNegativeFloat = 0.05, epsilon: PositiveFloat = 1e-3) -> None:
        super().__init__(weight)
        self.epsilon = epsilon

    def forward(self, restored: Tensor, sharp: Tensor) -> Tensor:
        difference = restored.float() - sharp.float()  # the filter is linear: one pass for both images
        with torch.autocast(difference.device.type, enabled=False):  # which would round the input of the filter
            return charbonnier(_laplacian(difference), self.epsilon)


def _laplacian(images: Tensor) -> Tensor:
    """Compute the finest level of the Laplacian pyramid, (B, C, H, W) -> (B, C, H, W)."""
    smaller = torch.zeros_like(images)
    smaller[..., ::2, ::2] = 4 * _smoothed(images)[..., ::2, ::2]
    return images - _smoothed(smaller)


def _smoothed(images: Tensor) -> Tensor:
    """Filter each channel with the separable 5x5 kernel; borders are replicated."""
    taps = torch.tensor(TAPS, device=images.device)
    channels = images.shape[1]
    padded = F.pad(images, (2, 2, 2, 2), mode="replicate")  # (B, C, H + 4, W + 4)
    rows = F.conv2d(padded, taps.view(1, 1, 1, 5).expand(channels, 1, 1, 5), groups=channels)  # (B, C, H + 4, W)
    return F.conv2d(rows, taps.view(1, 1, 5, 1).expand(channels, 1, 5, 1), groups=channels)
