"""DeblurGAN-v2's generator on a MobileNet, as published."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from deblurbench.networks.fpn import FeaturePyramid
from deblurbench.networks.layers import clamped_residual, require_image_to_image
from deblurbench.registry import NETWORKS, PositiveInt


@NETWORKS.register("deblurgan-v2")
class DeblurGANv2(FeaturePyramid):
    """DeblurGAN-v2's generator with a MobileNet (Kupyn et al. 2019), except for the batch statistics at test time.

    The pyramid `fpn` with instance normalisation, of an image in [-1, 1], then tanh; the sum with the image is clamped.
    At test time the MobileNet's batch normalisation uses its running statistics, where the published test script uses
    those of the image. `weights` as for `fpn`. `forward` returns the residual that the family adds to an image in [0, 1].
    """

    def __init__(
        self,
        *,
        in_channels: int = 3,
        out_channels: int = 3,
        width: PositiveInt = 128,
        weights: Literal["none", "imagenet"] = "none",
    ) -> None:
        require_image_to_image(in_channels, out_channels)
        super().__init__(
            in_channels=in_channels, out_channels=out_channels, width=width, weights=weights, normalization="instance"
        )
        self.output.reset_parameters()

    def forward(self, image: Tensor) -> Tensor:
        return clamped_residual(image, super().forward(2 * image - 1))
