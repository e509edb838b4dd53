"""A loss at several sizes of the images."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from deblurbench.losses.base import Loss
from deblurbench.registry import LOSSES, LossSpec, NonNegativeFloat, PositiveInt


@LOSSES.register("multi-scale")
class MultiScaleLoss(Loss):
    """The loss `of`, averaged over the images at `scales` sizes, each half the one before.

    After Nah et al. (2017), who smooth by a Gaussian before they halve, where this takes the means of blocks. The networks
    that give images at several scales have each of theirs compared in any case; this is for all others.
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
