"""A coarse-to-fine network: the same layers at each scale, each shown what the coarser one restored."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from deblurbench.networks.layers import output_convolution
from deblurbench.registry import NETWORKS, PositiveInt


class Block(nn.Module):
    """5x5 convolution, ReLU, 5x5 convolution, added to the input, without normalisation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 5, padding=2)
        self.second = nn.Conv2d(channels, channels, 5, padding=2)

    def forward(self, features: Tensor) -> Tensor:
        return features + self.second(F.relu(self.first(features)))


@NETWORKS.register("multiscale")
class MultiscaleNetwork(nn.Module):
    """DeepDeblur (Nah et al. 2017): `scales` networks of `blocks` residual blocks, from the coarsest to full size.

    Each sees the image at its scale and, enlarged, what the coarser one gave. All their images are given, finest first.
    """

    def __init__(
        self,
        *,
        in_channels: int = 3,
        out_channels: int = 3,
        width: PositiveInt = 64,
        blocks: PositiveInt = 19,
        scales: PositiveInt = 3,
    ) -> None:
        super().__init__()
        self.multiple = 2 ** (scales - 1)

        def level(scale: int) -> nn.Sequential:
            seen = in_channels if scale == scales - 1 else in_channels + out_channels
            layers = [nn.Conv2d(seen, width, 5, padding=2), nn.ReLU(), *(Block(width) for _ in range(blocks))]
            return nn.Sequential(*layers, output_convolution(width, out_channels, size=5))

        self.levels = nn.ModuleList(level(scale) for scale in range(scales))  # finest first

    def forward(self, image: Tensor) -> list[Tensor]:
        results: list[Tensor] = []
        for scale in reversed(range(len(self.levels))):
            seen = F.avg_pool2d(image, 2**scale) if scale else image
            if results:
                seen = torch.cat([seen, F.interpolate(results[0], scale_factor=2.0, mode="bilinear")], dim=1)
            results.insert(0, self.levels[scale](seen))
        return results
