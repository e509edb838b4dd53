"""A residual network with resize-convolutions."""

from __future__ import annotations

from torch import Tensor, nn

from deblurbench.networks.layers import ConditionEmbedding, ResidualBlock, convolution3x3, output_convolution, through
from deblurbench.registry import NETWORKS, PositiveInt


@NETWORKS.register("resnet")
class ResNet(nn.Module):
    """A residual network laid out as DeblurGAN's generator (Kupyn et al. 2018), of other layers than that (`deblurgan`).

    A 7x7 convolution, two that halve the size, `blocks` residual blocks, two that double it, a 7x7 convolution: with SiLU,
    zero padding, no dropout and no tanh. The doubling is nearest-neighbour and a convolution: transposed convolutions leave
    a checkerboard (Odena et al. 2016). `normalization` "instance", with learned scale and shift and only in the blocks,
    removes the contrast of the features, so "none" is the default.
    """

    multiple = 4

    def __init__(
        self,
        *,
        in_channels: int = 3,
        out_channels: int = 3,
        condition_channels: int = 0,
        width: PositiveInt = 64,
        blocks: PositiveInt = 9,
        normalization: str = "none",
    ) -> None:
        super().__init__()
        embedded = 4 * width if condition_channels else 0
        self.embedding = ConditionEmbedding(condition_channels, embedded) if condition_channels else None
        self.head = nn.Sequential(nn.Conv2d(in_channels, width, 7, padding=3), nn.SiLU())
        self.down = nn.Sequential(
            convolution3x3(width, 2 * width, stride=2), nn.SiLU(), convolution3x3(2 * width, 4 * width, stride=2), nn.SiLU()
        )
        self.blocks = nn.ModuleList(
            ResidualBlock(4 * width, condition_channels=embedded, normalization=normalization) for _ in range(blocks)
        )
        self.up = nn.Sequential(
            nn.Upsample(scale_factor=2), convolution3x3(4 * width, 2 * width), nn.SiLU(),
            nn.Upsample(scale_factor=2), convolution3x3(2 * width, width), nn.SiLU(),
        )  # fmt: skip
        self.output = output_convolution(width, out_channels, size=7)

    def forward(self, image: Tensor, condition: Tensor | None = None) -> Tensor:
        embedded = self.embedding(condition) if self.embedding is not None else None
        features = self.down(self.head(image))  # (B, 4 width, H / 4, W / 4)
        result: Tensor = self.output(self.up(through(self.blocks, features, embedded)))
        return result
