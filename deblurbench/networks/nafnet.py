"""NAFNet: a U-Net of blocks without activations."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor, nn

from deblurbench.networks.layers import (
    ChannelNorm,
    ConditionEmbedding,
    FeatureModulation,
    convolution3x3,
    output_convolution,
    through,
)
from deblurbench.networks.pooling import GlobalAverage
from deblurbench.registry import NETWORKS, PositiveInt

Count = Annotated[int, Ge(0)]


class NAFBlock(nn.Module):
    """Gated depthwise convolution with channel attention, then a gated mixing of channels, each added to its input.

    Chen et al. 2022, figure 3c. Where there is a condition, it modulates what follows each normalisation.
    """

    def __init__(self, channels: int, *, stride: int, condition_channels: int = 0) -> None:
        super().__init__()
        self.norm = ChannelNorm(channels)
        self.expand = nn.Conv2d(channels, 2 * channels, 1)
        self.depthwise = nn.Conv2d(2 * channels, 2 * channels, 3, padding=1, groups=2 * channels)
        self.pool = GlobalAverage(stride)
        self.attention = nn.Conv2d(channels, channels, 1)
        self.project = nn.Conv2d(channels, channels, 1)
        self.scale = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.mix_norm = ChannelNorm(channels)
        self.mix_expand = nn.Conv2d(channels, 2 * channels, 1)
        self.mix_project = nn.Conv2d(channels, channels, 1)
        self.mix_scale = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.modulation = FeatureModulation(condition_channels, channels) if condition_channels else None
        self.mix_modulation = FeatureModulation(condition_channels, channels) if condition_channels else None

    def forward(self, features: Tensor, condition: Tensor | None = None) -> Tensor:
        hidden = self.norm(features)
        if self.modulation is not None:
            hidden = self.modulation(hidden, condition)
        hidden = _gate(self.depthwise(self.expand(hidden)))  # (B, C, H, W) -> (B, 2 C, H, W) -> (B, C, H, W)
        hidden = self.project(hidden * self.attention(self.pool(hidden)))
        features = features + hidden * self.scale
        hidden = self.mix_norm(features)
        if self.mix_modulation is not None:
            hidden = self.mix_modulation(hidden, condition)
        hidden = self.mix_project(_gate(self.mix_expand(hidden)))
        return features + hidden * self.mix_scale


@NETWORKS.register("nafnet")
class NAFNet(nn.Module):
    """Nonlinear activation free network (Chen et al. 2022); the defaults are its width-32 setting for GoPro.

    `encoder_blocks` and `decoder_blocks` hold the blocks of each level, from the finest down; each level halves the size
    and doubles the width. `middle_blocks` lie below them all.
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
    ) -> None:
        super().__init__()
        if len(encoder_blocks) != len(decoder_blocks):
            raise ValueError("encoder_blocks and decoder_blocks must name as many levels as each other")
        levels = len(encoder_blocks)
        self.multiple = 2**levels
        embedded = 4 * width if condition_channels else 0

        def level(depth: int, blocks: int) -> nn.ModuleList:
            return nn.ModuleList(
                NAFBlock(width * 2**depth, stride=2**depth, condition_channels=embedded) for _ in range(blocks)
            )

        self.embedding = ConditionEmbedding(condition_channels, embedded) if condition_channels else None
        self.stem = convolution3x3(in_channels, width)
        self.encoders = nn.ModuleList(level(depth, blocks) for depth, blocks in enumerate(encoder_blocks))
        self.downs = nn.ModuleList(nn.Conv2d(width * 2**d, width * 2 ** (d + 1), 2, stride=2) for d in range(levels))
        self.middle = level(levels, middle_blocks)
        self.ups = nn.ModuleList(_double(width * 2 ** (d + 1)) for d in range(levels))
        self.decoders = nn.ModuleList(level(depth, blocks) for depth, blocks in enumerate(decoder_blocks))
        self.output = output_convolution(width, out_channels)

    def forward(self, image: Tensor, condition: Tensor | None = None) -> Tensor:
        embedded = self.embedding(condition) if self.embedding is not None else None
        features = self.stem(image)  # (B, width, H, W)
        skips: list[Tensor] = []
        for blocks, down in zip(self.encoders, self.downs, strict=True):
            skips.append(through(blocks, features, embedded))
            features = down(skips[-1])  # half the size, twice the width
        features = through(self.middle, features, embedded)
        for up, blocks in zip(reversed(self.ups), reversed(self.decoders), strict=True):
            features = through(blocks, up(features) + skips.pop(), embedded)
        result: Tensor = self.output(features)
        return result


def _gate(features: Tensor) -> Tensor:
    """(B, 2 C, H, W) -> (B, C, H, W): one half times the other."""
    first, second = features.chunk(2, dim=1)
    return first * second


def _double(channels: int) -> nn.Module:
    """Twice the size, half of `channels`."""
    return nn.Sequential(nn.Conv2d(channels, 2 * channels, 1, bias=False), nn.PixelShuffle(2))
