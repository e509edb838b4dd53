"""A coarse-to-fine network: the same layers at each scale, which also take the output of the coarser scale."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from deblurbench.images.tensors import at_scale
from deblurbench.registry import NETWORKS, PositiveInt


class Block(nn.Module):
    """5x5 convolution, ReLU, 5x5 convolution with a residual connection, without normalisation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = _convolution(channels, channels), _convolution(channels, channels)

    def forward(self, features: Tensor) -> Tensor:
        return features + self.second(F.relu(self.first(features)))


@NETWORKS.register("multiscale")
class MultiscaleNetwork(nn.Module):
    """DeepDeblur (Nah et al. 2017), following the authors' PyTorch code.

    `scales` networks of `blocks` residual blocks, from the coarsest scale to full resolution. The input of each is its level
    of the image's Gaussian pyramid and the output of the coarser network, upsampled by a 5x5 convolution and a pixel
    shuffle. The outputs of all scales are returned, finest first.
    """

    gives_image = True
    coarser_targets = "gaussian"

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
            inputs = in_channels if scale == scales - 1 else in_channels + out_channels
            return nn.Sequential(
                _convolution(inputs, width), *(Block(width) for _ in range(blocks)), _convolution(width, out_channels)
            )

        self.levels = nn.ModuleList(level(scale) for scale in range(scales))  # finest first
        self.enlarge = nn.ModuleList(
            nn.Sequential(_convolution(out_channels, 4 * out_channels), nn.PixelShuffle(2)) for _ in range(scales - 1)
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        pyramid = [image - 0.5]  # zero padding is then mid-grey, not black
        while len(pyramid) < len(self.levels):
            pyramid.append(at_scale(pyramid[-1], 1, "gaussian"))  # half the size each
        results = [self.levels[-1](pyramid[-1])]  # (B, out_channels, H / 2^(scales - 1), W / 2^(scales - 1))
        for scale in reversed(range(len(self.enlarge))):
            upsampled = self.enlarge[scale](results[0])  # twice the size
            inputs = torch.cat([pyramid[scale], upsampled], dim=1)  # (B, in_channels + out_channels, h, w)
            results.insert(0, self.levels[scale](inputs))
        return [result + 0.5 for result in results]


def _convolution(in_channels: int, out_channels: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 5, padding=2)
