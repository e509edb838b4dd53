"""A content loss on edges that needs no trained weights."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from deblurbench.losses.base import Loss
from deblurbench.losses.pixel import charbonnier
from deblurbench.registry import LOSSES, NonNegativeFloat, PositiveFloat

TAPS = (0.05, 0.25, 0.4, 0.25, 0.05)  # of the filter of Burt & Adelson (1983)


@LOSSES.register("edge")
class Edge(Loss):
    """Charbonnier distance of the finest levels of the images' Laplacian pyramids: what blur removes first.

    The edge loss of MPRNet (Zamir et al. 2021, after Jiang et al. 2020), which has the same default weight.
    """

    def __init__(self, *, weight: NonNegativeFloat = 0.05, epsilon: PositiveFloat = 1e-3) -> None:
        super().__init__(weight)
        self.epsilon = epsilon

    def forward(self, restored: Tensor, sharp: Tensor) -> Tensor:
        difference = restored.float() - sharp.float()  # linear: one pass serves both
        with torch.autocast(difference.device.type, enabled=False):  # it would round what the filter is given
            return charbonnier(_laplacian(difference), self.epsilon)


def _laplacian(images: Tensor) -> Tensor:
    """What an image loses when it is made half as large and enlarged again."""
    smaller = torch.zeros_like(images)
    smaller[..., ::2, ::2] = 4 * _smoothed(images)[..., ::2, ::2]
    return images - _smoothed(smaller)


def _smoothed(images: Tensor) -> Tensor:
    """The 5x5 filter, channel by channel; the border's pixels are repeated beyond it."""
    taps = torch.tensor(TAPS, device=images.device)
    channels = images.shape[1]
    padded = F.pad(images, (2, 2, 2, 2), mode="replicate")
    rows = F.conv2d(padded, taps.view(1, 1, 1, 5).expand(channels, 1, 1, 5), groups=channels)
    return F.conv2d(rows, taps.view(1, 1, 5, 1).expand(channels, 1, 5, 1), groups=channels)
