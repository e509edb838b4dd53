"""The double-scale discriminator of DeblurGAN-v2, as published."""

from __future__ import annotations

from torch import Tensor, nn

from deblurbench.networks.discriminators.patchgan import PatchGAN
from deblurbench.registry import DISCRIMINATORS, PositiveInt


@DISCRIMINATORS.register("double-scale")
class DoubleScaleDiscriminator(nn.Module):
    """Two PatchGANs (DeblurGAN-v2, Kupyn et al. 2019): one for patches, a deeper one for whole training crops.

    (B, in_channels, H, W) in [0, 1] -> the scores of each, (B, 1, h, w). With the default layers the receptive fields are
    70 x 70 and 286 x 286 pixels. Weights are initialized as in DeblurGAN; the published code keeps PyTorch's defaults.
    """

    def __init__(
        self,
        *,
        in_channels: int = 3,
        width: PositiveInt = 64,
        patch_layers: PositiveInt = 3,
        global_layers: PositiveInt = 5,
    ) -> None:
        super().__init__()
        self.patch = PatchGAN(in_channels=in_channels, width=width, layers=patch_layers)
        self.whole = PatchGAN(in_channels=in_channels, width=width, layers=global_layers)

    def forward(self, image: Tensor) -> list[Tensor]:
        return [*self.patch(image), *self.whole(image)]
