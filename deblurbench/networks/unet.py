"""A residual U-Net."""

from __future__ import annotations

import itertools
from typing import Annotated

from annotated_types import MinLen
from torch import Tensor, nn

from deblurbench.images.tiles import CONTEXT
from deblurbench.networks.layers import (
    Activation,
    ConditionEmbedding,
    ImageConvolution,
    ResidualBlock,
    apply_blocks,
    convolution3x3,
    output_convolution,
    pixel_shuffle_upsampling,
)
from deblurbench.registry import NETWORKS, PositiveInt


@NETWORKS.register("unet")
class UNet(nn.Module):
    """Residual U-Net (Ronneberger et al. 2015, with residual blocks and no normalisation).

    `widths` are the channels per level, finest first; `blocks` the residual blocks per level of encoder and decoder. A pixel
    unshuffle by `stem_factor` first trades resolution for channels, which is lossless and makes every layer `stem_factor`^2
    times as cheap. With `activation` "silu" it learns much more slowly.
    """

    def __init__(
        self,
        *,
        in_channels: int = 3,
        out_channels: int = 3,
        condition_channels: int = 0,
        widths: Annotated[tuple[PositiveInt, ...], MinLen(1)] = (32, 64, 96),
        blocks: PositiveInt = 2,
        stem_factor: PositiveInt = 2,
        activation: Activation = "relu",
    ) -> None:
        super().__init__()
        self.multiple = stem_factor * 2 ** (len(widths) - 1)
        self.tile_context = max(CONTEXT, 8 * self.multiple)  # eight pixels of the coarsest level, which see the farthest
        embedded = 4 * widths[0] if condition_channels else 0

        def level(width: int) -> nn.ModuleList:
            return nn.ModuleList(
                ResidualBlock(width, condition_channels=embedded, activation=activation) for _ in range(blocks)
            )

        self.embedding = ConditionEmbedding(condition_channels, embedded) if condition_channels else None
        self.unshuffle = nn.PixelUnshuffle(stem_factor)
        self.stem = ImageConvolution(in_channels * stem_factor**2, widths[0])
        self.down_levels = nn.ModuleList(level(width) for width in widths)
        self.downs = nn.ModuleList(convolution3x3(a, b, stride=2) for a, b in itertools.pairwise(widths))
        self.up_levels = nn.ModuleList(level(width) for width in widths[-2::-1])
        self.ups = nn.ModuleList(pixel_shuffle_upsampling(b, a) for a, b in zip(widths[-2::-1], widths[:0:-1], strict=True))
        self.output = output_convolution(widths[0], out_channels * stem_factor**2)
        self.shuffle = nn.PixelShuffle(stem_factor)

    @property
    def first_level(self) -> list[nn.Module]:
        """The layers that see the finest resolution first."""
        return [self.stem, *self.down_levels[0].children()]

    def forward(self, image: Tensor, condition: Tensor | None = None) -> Tensor:
        embedded = self.embedding(condition) if self.embedding is not None else None
        features = self.stem(self.unshuffle(image))  # (B, widths[0], H / stem, W / stem)
        skips: list[Tensor] = []
        for index, blocks in enumerate(self.down_levels):
            if index:
                skips.append(features)
                features = self.downs[index - 1](features)  # half the size, the next width
            features = apply_blocks(blocks, features, embedded)
        for up, blocks in zip(self.ups, self.up_levels, strict=True):
            features = up(features) + skips.pop()  # twice the size
            features = apply_blocks(blocks, features, embedded)
        result: Tensor = self.shuffle(self.output(features))  # (B, out_channels stem^2, H / stem, W / stem) -> (B, out, H, W)
        return result
