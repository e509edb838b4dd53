"""The patch discriminator of pix2pix and DeblurGAN, as published."""

from __future__ import annotations

import itertools

from torch import Tensor, nn

from deblurbench.networks.layers import initialize_normal
from deblurbench.registry import DISCRIMINATORS, PositiveInt


@DISCRIMINATORS.register("patchgan")
class PatchGAN(nn.Module):
    """PatchGAN (Isola et al. 2017) as DeblurGAN's critic (Kupyn et al. 2018): each score sees 70 x 70 pixels.

    (B, in_channels, H, W) in [0, 1], mapped to [-1, 1] -> one map of scores (B, 1, h, w). `layers` convolutions 4x4 that
    halve the size, one that keeps it and the score, each padded by two zeros; instance normalisation without scale and
    shift after all but the first and the last, and LeakyReLU 0.2 between them.
    """

    def __init__(self, *, in_channels: int = 3, width: PositiveInt = 64, layers: PositiveInt = 3) -> None:
        super().__init__()
        widths = [in_channels, *(min(2**index, 8) * width for index in range(layers + 1))]
        stages: list[nn.Module] = []
        for place, (before, after) in enumerate(itertools.pairwise(widths)):
            stages.append(nn.Conv2d(before, after, 4, stride=2 if place < layers else 1, padding=2))
            if place:
                stages.append(nn.InstanceNorm2d(after))
            stages.append(nn.LeakyReLU(0.2))
        self.stages = nn.Sequential(*stages)
        self.score = nn.Conv2d(widths[-1], 1, 4, padding=2)
        initialize_normal(self)

    def forward(self, image: Tensor) -> list[Tensor]:
        return [self.score(self.stages(2 * image - 1))]
