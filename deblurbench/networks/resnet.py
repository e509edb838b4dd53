"""A residual network with resize-convolutions."""

from __future__ import annotations

from torch import Tensor, nn

from deblurbench.networks.layers import (
    Activation,
    ConditionEmbedding,
    ResidualBlock,
    activation_layer,
    apply_blocks,
    convolution3x3,
    output_convolution,
)
from deblurbench.registry import NETWORKS, PositiveInt


@NETWORKS.register("resnet")
class ResNet(nn.Module):
    """A residual network with the layout of DeblurGAN's generator (Kupyn et al. 2018; `deblurgan`), but other layers.

    A 7x7 convolution, two strided convolutions, `blocks` residual blocks, two resize-convolutions, a 7x7 convolution, with
    zero padding, without dropout and tanh. Upsampling is by nearest neighbours and a convolution, because transposed
    convolutions cause checkerboard artifacts (Odena et al. 2016). `normalization` "instance" (only in the blocks, with affine
    parameters) removes the contrast of the features; the default is "none".
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
        activation: Activation = "relu",
    ) -> None:
        super().__init__()
        embedded = 4 * width if condition_channels else 0
        self.embedding = ConditionEmbedding(condition_channels, embedded) if condition_channels else None
        self.head = nn.Sequential(nn.Conv2d(in_channels, width, 7, padding=3), activation_layer(activation))
        self.down = nn.Sequential(
            convolution3x3(width, 2 * width, stride=2), activation_layer(activation),
            convolution3x3(2 * width, 4 * width, stride=2), activation_layer(activation),
        )  # fmt: skip
        self.blocks = nn.ModuleList(
            ResidualBlock(4 * width, condition_channels=embedded, normalization=normalization, activation=activation)
            for _ in range(blocks)
        )
        self.up = nn.Sequential(
            nn.Upsample(scale_factor=2), convolution3x3(4 * width, 2 * width), activation_layer(activation),
            nn.Upsample(scale_factor=2), convolution3x3(2 * width, width), activation_layer(activation),
        )  # fmt: skip
        self.output = output_convolution(width, out_channels, size=7)

    def forward(self, image: Tensor, condition: Tensor | None = None) -> Tensor:
        embedded = self.embedding(condition) if self.embedding is not None else None
        features = self.down(self.head(image))  # (B, width, H, W) -> (B, 4 width, H / 4, W / 4)
        features = self.up(apply_blocks(self.blocks, features, embedded))  # (B, width, H, W)
        result: Tensor = self.output(features)
        return result
