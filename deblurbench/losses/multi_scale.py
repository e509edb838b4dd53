"""A loss at several scales."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from deblurbench.losses.base import Loss
from deblurbench.registry import LOSSES, LossSpec, NonNegativeFloat, PositiveInt


@LOSSES.register("multi-scale")
class MultiScaleLoss(Loss):
    """The loss `of`, averaged over `scales` scales of the images, each half the size of the one before.

    After Nah et al. (2017), who subsample a Gaussian pyramid where this averages 2x2 blocks. It is for networks with one
    output: of a network with outputs at several scales each one is compared with its target in any case.
    """

    def __init__(self, *, weight: NonNegativeFloat = 1.0, of: LossSpec = "charbonnier", scales: PositiveInt = 3) -> None:
        super().__init__(weight)
        self.of: Loss = LOSSES.build(of)
        self.scales = scales

    def forward(self, restored: Tensor, sharp: Tensor) -> Tensor:
        values = [self.of(restored, sharp)]
        for _ in range(self.scales - 1):
            if min(sharp.shape[-2:]) < 2:
                raise ValueError(f"loss 'multi-scale': {self.scales} scales are too many for patches this small")
            restored, sharp = F.avg_pool2d(restored, 2), F.avg_pool2d(sharp, 2)
            values.append(self.of(restored, sharp))
        return self.of.weight * torch.stack(values).mean()
