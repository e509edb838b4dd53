"""A content loss on edges that needs no trained weights."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from deblurbench.losses.base import Loss
from deblurbench.losses.pixel import charbonnier
from deblurbench.registry import LOSSES, NonNegativeFloat, PositiveFloat


@LOSSES.register("edge")
class Edge(Loss):
    """Charbonnier distance of the images' Laplacians (Jiang et al. 2020, used by MPRNet): what blur removes first."""

    def __init__(self, *, weight: NonNegativeFloat = 0.05, epsilon: PositiveFloat = 1e-3) -> None:
        super().__init__(weight)
        self.epsilon = epsilon

    def forward(self, restored: Tensor, sharp: Tensor) -> Tensor:
        return charbonnier(_laplacian(restored.float() - sharp.float()), self.epsilon)  # linear: one pass serves both


def _laplacian(images: Tensor) -> Tensor:
    """The image less its binomial 5x5 blur, per channel, mirrored at the border: a band of fine detail."""
    taps = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0], device=images.device) / 16
    channels = images.shape[1]
    padded = F.pad(images, (2, 2, 2, 2), mode="reflect")
    rows = F.conv2d(padded, taps.view(1, 1, 1, 5).expand(channels, 1, 1, 5), groups=channels)
    return images - F.conv2d(rows, taps.view(1, 1, 5, 1).expand(channels, 1, 5, 1), groups=channels)
