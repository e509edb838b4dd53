"""The patch discriminator of pix2pix."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from deblurbench.registry import DISCRIMINATORS, PositiveInt

Normalization = Literal["spectral", "instance", "none"]


@DISCRIMINATORS.register("patch")
class PatchDiscriminator(nn.Module):
    """PatchGAN (Isola et al. 2017): (B, in_channels, H, W) -> one map of scores (B, 1, H / 2^layers, W / 2^layers).

    Spectral normalisation (Miyato et al. 2018) keeps it Lipschitz without a norm over the batch; "instance" is what
    DeblurGAN used, "none" leaves that to a gradient penalty. With the default three layers each score sees 38 x 38
    pixels.
    """

    def __init__(
        self,
        *,
        in_channels: int = 3,
        width: PositiveInt = 32,
        layers: PositiveInt = 3,
        normalization: Normalization = "spectral",
    ) -> None:
        super().__init__()
        before = in_channels
        stages: list[nn.Module] = []
        for place in range(layers):
            after = width * 2 ** min(place, 3)
            stages.append(_normalized(nn.Conv2d(before, after, 4, stride=2, padding=1), normalization))
            if normalization == "instance" and place:
                stages.append(nn.InstanceNorm2d(after, affine=True))
            stages.append(nn.LeakyReLU(0.2))
            before = after
        self.stages = nn.Sequential(*stages)
        self.score = _normalized(nn.Conv2d(before, 1, 3, padding=1), normalization)

    def forward(self, image: Tensor) -> list[Tensor]:
        return [self.score(self.stages(image))]


def _normalized(layer: nn.Module, normalization: str) -> nn.Module:
    return spectral_norm(layer) if normalization == "spectral" else layer
