"""NAFNet: a U-Net of activation-free blocks."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor, nn

from deblurbench.images.tiles import CONTEXT
from deblurbench.networks.layers import (
    ChannelNorm,
    ConditionEmbedding,
    FeatureModulation,
    ImageConvolution,
    apply_blocks,
    output_convolution,
    pixel_shuffle_upsampling,
)
from deblurbench.networks.pooling import GlobalAverage
from deblurbench.registry import NETWORKS, PositiveInt

Count = Annotated[int, Ge(0)]


class NAFBlock(nn.Module):
    """Gated depthwise convolution with channel attention, then a gated feed-forward network, each with a residual connection.

    Chen et al. 2022, figure 3c. A condition modulates the output of each normalisation. `attention` may be left out.
    """

    def __init__(self, channels: int, *, stride: int, attention: bool = True, condition_channels: int = 0) -> None:
        super().__init__()
        self.norm = ChannelNorm(channels)
        self.expand = nn.Conv2d(channels, 2 * channels, 1)
        self.depthwise = nn.Conv2d(2 * channels, 2 * channels, 3, padding=1, groups=2 * channels)
        self.pool = GlobalAverage(stride) if attention else None
        self.attention = nn.Conv2d(channels, channels, 1) if attention else None
        self.project = nn.Conv2d(channels, channels, 1)
        self.scale: nn.Parameter | None = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.mix_norm = ChannelNorm(channels)
        self.mix_expand = nn.Conv2d(channels, 2 * channels, 1)
        self.mix_project = nn.Conv2d(channels, channels, 1)
        self.mix_scale: nn.Parameter | None = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.modulation = FeatureModulation(condition_channels, channels) if condition_channels else None
        self.mix_modulation = FeatureModulation(condition_channels, channels) if condition_channels else None

    def forward(self, features: Tensor, condition: Tensor | None = None) -> Tensor:
        hidden = self.norm(features)
        if self.modulation is not None:
            hidden = self.modulation(hidden, condition)
        hidden = _gate(self.depthwise(self.expand(hidden)))  # (B, C, H, W) -> (B, 2 C, H, W) -> (B, C, H, W)
        if self.pool is not None and self.attention is not None:
            hidden = hidden * self.attention(self.pool(hidden))  # (B, C, 1, 1)
        features = features + _scaled(self.project(hidden), self.scale)
        hidden = self.mix_norm(features)
        if self.mix_modulation is not None:
            hidden = self.mix_modulation(hidden, condition)
        hidden = self.mix_project(_gate(self.mix_expand(hidden)))  # (B, C, H, W) -> (B, 2 C, H, W) -> (B, C, H, W)
        return features + _scaled(hidden, self.mix_scale)

    def fold_scales(self) -> None:
        """Multiply the scales into the convolutions before them, which computes the same with two passes over memory less."""
        for convolution, scale in ((self.project, self.scale), (self.mix_project, self.mix_scale)):
            if scale is not None:
                convolution.weight.data *= scale.data.transpose(0, 1)  # (1, C, 1, 1) -> (C, 1, 1, 1)
                assert convolution.bias is not None  # all of a block have one
                convolution.bias.data *= scale.data.flatten()
        self.scale = self.mix_scale = None


@NETWORKS.register("nafnet")
class NAFNet(nn.Module):
    """Nonlinear activation free network (Chen et al. 2022); the defaults are its width-32 setting for GoPro.

    `encoder_blocks` and `decoder_blocks` are the numbers of blocks per level, finest first; each level halves the
    resolution and doubles the width. `middle_blocks` is the number of blocks at the bottleneck. A pixel unshuffle by
    `stem_factor` first trades resolution for channels, as in `unet`. Without `attention`, which weighs channels by their
    means over the whole image, tiles change nothing.
    """

    def __init__(
        self,
        *,
        in_channels: int = 3,
        out_channels: int = 3,
        condition_channels: int = 0,
        width: PositiveInt = 32,
        encoder_blocks: tuple[Count, ...] = (1, 1, 1, 28),
        middle_blocks: Count = 1,
        decoder_blocks: tuple[Count, ...] = (1, 1, 1, 1),
        stem_factor: PositiveInt = 1,
        attention: bool = True,
    ) -> None:
        super().__init__()
        if len(encoder_blocks) != len(decoder_blocks):
            raise ValueError("encoder_blocks and decoder_blocks must have equally many levels")
        levels = len(encoder_blocks)
        self.multiple = stem_factor * 2**levels
        self.tile_context = max(CONTEXT, 6 * self.multiple)  # six pixels of the coarsest level: `old-photo` sees so far
        embedded = 4 * width if condition_channels else 0

        def level(depth: int, blocks: int) -> nn.ModuleList:
            return nn.ModuleList(
                NAFBlock(width * 2**depth, stride=stem_factor * 2**depth, attention=attention, condition_channels=embedded)
                for _ in range(blocks)
            )

        self.embedding = ConditionEmbedding(condition_channels, embedded) if condition_channels else None
        self.unshuffle, self.shuffle = nn.PixelUnshuffle(stem_factor), nn.PixelShuffle(stem_factor)
        self.stem = ImageConvolution(in_channels * stem_factor**2, width)
        self.encoders = nn.ModuleList(level(depth, blocks) for depth, blocks in enumerate(encoder_blocks))
        self.downs = nn.ModuleList(nn.Conv2d(width * 2**d, width * 2 ** (d + 1), 2, stride=2) for d in range(levels))
        self.middle = level(levels, middle_blocks)
        self.ups = nn.ModuleList(
            pixel_shuffle_upsampling(width * 2 ** (d + 1), width * 2**d, bias=False) for d in range(levels)
        )
        self.decoders = nn.ModuleList(level(depth, blocks) for depth, blocks in enumerate(decoder_blocks))
        self.output = output_convolution(width, out_channels * stem_factor**2)

    @property
    def first_level(self) -> list[nn.Module]:
        """The layers that see the finest resolution first."""
        return [self.stem, *self.encoders[0].children()]

    def fold_scales(self) -> None:
        """Fold the scales of all blocks, when there is no more to learn."""
        for block in self.modules():
            if isinstance(block, NAFBlock):
                block.fold_scales()

    def forward(self, image: Tensor, condition: Tensor | None = None) -> Tensor:
        embedded = self.embedding(condition) if self.embedding is not None else None
        features = self.stem(self.unshuffle(image))  # (B, width, H / stem, W / stem)
        skips: list[Tensor] = []
        for blocks, down in zip(self.encoders, self.downs, strict=True):
            skips.append(apply_blocks(blocks, features, embedded))
            features = down(skips[-1])  # half the size, twice the width
        features = apply_blocks(self.middle, features, embedded)
        for up, blocks in zip(reversed(self.ups), reversed(self.decoders), strict=True):
            features = apply_blocks(blocks, up(features) + skips.pop(), embedded)  # twice the size, half the width
        result: Tensor = self.shuffle(self.output(features))  # (B, out_channels, H, W)
        return result


def _scaled(features: Tensor, scale: Tensor | None) -> Tensor:
    return features if scale is None else features * scale


def _gate(features: Tensor) -> Tensor:
    """The simple gate, (B, 2 C, H, W) -> (B, C, H, W): the product of both halves of the channels."""
    first, second = features.chunk(2, dim=1)
    return first * second
