"""Pixel-wise losses."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from deblurbench.losses.base import Loss
from deblurbench.losses.normalization import normalized
from deblurbench.registry import LOSSES, NonNegativeFloat, PositiveFloat


@LOSSES.register("l1")
class L1(Loss):
    """Mean absolute error."""

    def __init__(self, *, weight: NonNegativeFloat = 1.0) -> None:
        super().__init__(weight)

    def forward(self, restored: Tensor, sharp: Tensor) -> Tensor:
        return F.l1_loss(restored, sharp)


@LOSSES.register("mse")
class MSE(Loss):
    """Mean squared error; with `normalization` "imagenet" of images normalised as for DeblurGAN-v2's VGG."""

    def __init__(self, *, weight: NonNegativeFloat = 1.0, normalization: Literal["none", "imagenet"] = "none") -> None:
        super().__init__(weight)
        self.normalization = normalization

    def forward(self, restored: Tensor, sharp: Tensor) -> Tensor:
        return F.mse_loss(normalized(restored, self.normalization), normalized(sharp, self.normalization))


@LOSSES.register("charbonnier")
class Charbonnier(Loss):
    """Mean of sqrt(difference^2 + epsilon^2) (Lai et al. 2017): L1 that is smooth at zero."""

    def __init__(self, *, weight: NonNegativeFloat = 1.0, epsilon: PositiveFloat = 1e-3) -> None:
        super().__init__(weight)
        self.epsilon = epsilon

    def forward(self, restored: Tensor, sharp: Tensor) -> Tensor:
        return charbonnier(restored - sharp, self.epsilon)


def charbonnier(difference: Tensor, epsilon: float) -> Tensor:
    """Compute the mean of sqrt(difference^2 + epsilon^2) in float32, whatever the precision of the input."""
    return torch.sqrt(difference.float().square() + epsilon**2).mean()


@LOSSES.register("psnr")
class PSNRLoss(Loss):
    """Negative PSNR in dB, averaged over images and limited to 80 dB: the loss of NAFNet (Chen et al. 2022)."""

    def __init__(self, *, weight: NonNegativeFloat = 1.0) -> None:
        super().__init__(weight)

    def forward(self, restored: Tensor, sharp: Tensor) -> Tensor:
        errors = (restored.float() - sharp.float()).square().mean(dim=(1, 2, 3))
        return 10 * torch.log10(errors + 1e-8).mean()
