"""The double-scale discriminator of DeblurGAN-v2."""

from __future__ import annotations

from torch import Tensor, nn

from deblurbench.networks.discriminators.patch import Normalization, PatchDiscriminator
from deblurbench.registry import DISCRIMINATORS, PositiveInt


@DISCRIMINATORS.register("double-scale")
class DoubleScaleDiscriminator(nn.Module):
    """Two discriminators (Kupyn et al. 2019): one judges patches, the other, deeper, the whole of a training crop.

    (B, in_channels, H, W) -> the scores of each, (B, 1, h, w). With the default five layers a score of the global one
    sees 158 x 158 pixels.
    """

    def __init__(
        self,
        *,
        in_channels: int = 3,
        width: PositiveInt = 64,
        patch_layers: PositiveInt = 3,
        global_layers: PositiveInt = 5,
        normalization: Normalization = "spectral",
    ) -> None:
        super().__init__()
        self.patch = PatchDiscriminator(in_channels=in_channels, width=width, layers=patch_layers, normalization=normalization)
        self.whole = PatchDiscriminator(in_channels=in_channels, width=width, layers=global_layers, normalization=normalization)

    def forward(self, image: Tensor) -> list[Tensor]:
        return [*self.patch(image), *self.whole(image)]
