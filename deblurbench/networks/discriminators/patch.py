"""The patch discriminator of pix2pix."""

from __future__ import annotations

import itertools

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from deblurbench.registry import DISCRIMINATORS, PositiveInt


@DISCRIMINATORS.register("patch")
class PatchDiscriminator(nn.Module):
    """PatchGAN (Isola et al. 2017): (B, in_channels, H, W) -> (B, 1, H / 2^layers, W / 2^layers).

    Spectral normalisation (Miyato et al. 2018) keeps it Lipschitz without a norm over the batch. With the default three
    layers each score sees 38 x 38 pixels.
    """

    def __init__(self, *, in_channels: int = 3, width: PositiveInt = 32, layers: PositiveInt = 3) -> None:
        super().__init__()
        widths = [in_channels, *(min(width * 2**index, 8 * width) for index in range(layers))]
        stages: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            stages += [spectral_norm(nn.Conv2d(before, after, 4, stride=2, padding=1)), nn.LeakyReLU(0.2)]
        self.stages = nn.Sequential(*stages)
        self.score = spectral_norm(nn.Conv2d(widths[-1], 1, 3, padding=1))

    def forward(self, image: Tensor) -> Tensor:
        scores: Tensor = self.score(self.stages(image))
        return scores
