"""The patch discriminator of pix2pix and DeblurGAN, as published."""

from __future__ import annotations

import itertools

from torch import Tensor, nn

from deblurbench.networks.layers import initialize_normal
from deblurbench.registry import DISCRIMINATORS, PositiveInt


@DISCRIMINATORS.register("patchgan")
class PatchGAN(nn.Module):
    """PatchGAN (Isola et al. 2017) as DeblurGAN's critic (Kupyn et al. 2018): a receptive field of 70 x 70 pixels.

    (B, in_channels, H, W) in [0, 1], mapped to [-1, 1] -> one map of scores (B, 1, h, w). `layers` 4x4 convolutions of stride
    2, then one of stride 1 and the score, each zero-padded by two; instance normalisation without affine parameters after
    all but the first and the last, and LeakyReLU 0.2 between them.
    """

    def __init__(self, *, in_channels: int = 3, width: PositiveInt = 64, layers: PositiveInt = 3) -> None:
        super().__init__()
        widths = [in_channels, *(min(2**index, 8) * width for index in range(layers + 1))]
        stages: list[nn.Module] = []
        for index, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
            stages.append(nn.Conv2d(inputs, outputs, 4, stride=2 if index < layers else 1, padding=2))
            if index:
                stages.append(nn.InstanceNorm2d(outputs))
            stages.append(nn.LeakyReLU(0.2))
        self.stages = nn.Sequential(*stages)
        self.score = nn.Conv2d(widths[-1], 1, 4, padding=2)
        initialize_normal(self)

    def forward(self, image: Tensor) -> list[Tensor]:
        return [self.score(self.stages(2 * image - 1))]
