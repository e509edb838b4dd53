"""Restormer: a U-Net of transformer blocks with channel-wise attention."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Len
from torch import Tensor, nn
from torch.nn import functional as F

from deblurbench.networks.layers import ChannelNorm, output_convolution
from deblurbench.registry import NETWORKS, PositiveFloat, PositiveInt

Levels = Annotated[tuple[PositiveInt, ...], Len(4, 4)]


class ChannelAttention(nn.Module):
    """Multi-head transposed attention, between channels: (B, C, H, W) -> (B, C, H, W) (Zamir et al. 2022, figure 2a)."""

    sees_whole_image = True

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.inputs = nn.Conv2d(channels, 3 * channels, 1, bias=False)
        self.depthwise = nn.Conv2d(3 * channels, 3 * channels, 3, padding=1, groups=3 * channels, bias=False)
        self.output = nn.Conv2d(channels, channels, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        batch, channels, height, width = features.shape
        heads = (batch, self.heads, channels // self.heads, height * width)
        projections = self.depthwise(self.inputs(features)).chunk(3, dim=1)  # 3 x (B, C, H, W)
        query, key, value = (part.reshape(heads) for part in projections)  # (B, heads, C / heads, H W)
        # The norms over all pixels in float32: sums of squares overflow half precision.
        query, key = (F.normalize(part.float(), dim=-1).to(value.dtype) for part in (query, key))
        similarity = query @ key.transpose(-2, -1)  # (B, heads, C / heads, C / heads)
        attended = (similarity * self.temperature).softmax(dim=-1).to(value.dtype) @ value  # (B, heads, C / heads, H W)
        projected: Tensor = self.output(attended.reshape(batch, channels, height, width))
        return projected


class GatedFeedForward(nn.Module):
    """Gated depthwise feed-forward network, `expansion` times as wide: (B, C, H, W) -> (B, C, H, W) (figure 2b)."""

    def __init__(self, channels: int, expansion: float) -> None:
        super().__init__()
        hidden = int(channels * expansion)
        self.inputs = nn.Conv2d(channels, 2 * hidden, 1, bias=False)
        self.depthwise = nn.Conv2d(2 * hidden, 2 * hidden, 3, padding=1, groups=2 * hidden, bias=False)
        self.output = nn.Conv2d(hidden, channels, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        first, second = self.depthwise(self.inputs(features)).chunk(2, dim=1)  # 2 x (B, expansion C, H, W)
        projected: Tensor = self.output(F.gelu(first) * second)
        return projected


class TransformerBlock(nn.Module):
    """Channel attention, then the feed-forward network, each after layer normalisation and with a residual connection."""

    def __init__(self, channels: int, heads: int, expansion: float) -> None:
        super().__init__()
        self.attention_norm = ChannelNorm(channels, epsilon=1e-5)
        self.attention = ChannelAttention(channels, heads)
        self.feed_forward_norm = ChannelNorm(channels, epsilon=1e-5)
        self.feed_forward = GatedFeedForward(channels, expansion)

    def forward(self, features: Tensor) -> Tensor:
        features = features + self.attention(self.attention_norm(features))
        return features + self.feed_forward(self.feed_forward_norm(features))


@NETWORKS.register("restormer")
class Restormer(nn.Module):
    """Restormer (Zamir et al. 2022), as published for motion deblurring.

    `blocks` and `heads` are the numbers per level, finest first; each of the four levels halves the resolution and doubles
    the width. `refinement_blocks` follow at full resolution. A level's width must be divisible by its number of heads.
    """

    multiple = 8

    def __init__(
        self,
        *,
        in_channels: int = 3,
        out_channels: int = 3,
        width: PositiveInt = 48,
        blocks: Levels = (4, 6, 6, 8),
        refinement_blocks: PositiveInt = 4,
        heads: Levels = (1, 2, 4, 8),
        expansion: PositiveFloat = 2.66,
    ) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(4)]
        if any(channels % count for channels, count in zip(widths, heads, strict=True)):
            raise ValueError(f"heads {list(heads)} must divide the levels' widths {widths}")

        def level(channels: int, count: int, heads: int) -> nn.Sequential:
            return nn.Sequential(*(TransformerBlock(channels, heads, expansion) for _ in range(count)))

        self.stem = nn.Conv2d(in_channels, width, 3, padding=1, bias=False)
        self.encoders = nn.ModuleList(level(*setting) for setting in zip(widths, blocks, heads, strict=True))
        self.downs = nn.ModuleList(_halve(channels) for channels in widths[:3])
        self.ups = nn.ModuleList(_double(2 * channels) for channels in widths[:3])
        # The finest level has no 1x1 convolution after the concatenation and decodes at twice its width, as published.
        self.joins = nn.ModuleList(nn.Conv2d(2 * channels, channels, 1, bias=False) for channels in widths[1:3])
        self.decoders = nn.ModuleList(
            level(channels, *setting)
            for channels, setting in zip((2 * width, *widths[1:3]), zip(blocks[:3], heads[:3], strict=True), strict=True)
        )
        self.refinement = level(2 * width, refinement_blocks, heads[0])
        self.output = output_convolution(2 * width, out_channels, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        skips = [self.encoders[0](self.stem(image))]  # (B, width, H, W)
        for down, blocks in zip(self.downs, self.encoders[1:], strict=True):
            skips.append(blocks(down(skips[-1])))  # half the size, twice the width
        features = skips.pop()
        for depth in (2, 1, 0):
            features = torch.cat([self.ups[depth](features), skips.pop()], dim=1)  # (B, 2^(depth + 1) width, h, w)
            features = self.decoders[depth](self.joins[depth - 1](features) if depth else features)
        result: Tensor = self.output(self.refinement(features))  # (B, 2 width, H, W) -> (B, out_channels, H, W)
        return result


def _halve(channels: int) -> nn.Module:
    """Downsample by pixel unshuffling, (B, C, H, W) -> (B, 2 C, H / 2, W / 2)."""
    return nn.Sequential(nn.Conv2d(channels, channels // 2, 3, padding=1, bias=False), nn.PixelUnshuffle(2))


def _double(channels: int) -> nn.Module:
    """Upsample by pixel shuffling, (B, C, H, W) -> (B, C / 2, 2 H, 2 W)."""
    return nn.Sequential(nn.Conv2d(channels, 2 * channels, 3, padding=1, bias=False), nn.PixelShuffle(2))
