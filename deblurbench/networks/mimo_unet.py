"""MIMO-UNet: a single U-Net with an input and an output at each of three scales."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor, nn
from torch.nn import functional as F

from deblurbench.networks.layers import convolution3x3, output_convolution
from deblurbench.registry import NETWORKS, PositiveInt


class Block(nn.Module):
    """Convolution, ReLU, convolution with a residual connection."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = convolution3x3(channels, channels), convolution3x3(channels, channels)

    def forward(self, features: Tensor) -> Tensor:
        return features + self.second(F.relu(self.first(features)))


class ShallowFeatures(nn.Module):
    """The shallow convolutional module: features of the downsampled input, concatenated with it."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        if channels <= in_channels:
            raise ValueError(f"width is too small for {in_channels} input channels; give more than {in_channels // 2}")
        self.layers = nn.Sequential(
            convolution3x3(in_channels, channels // 4), nn.ReLU(),
            nn.Conv2d(channels // 4, channels // 2, 1), nn.ReLU(),
            convolution3x3(channels // 2, channels // 2), nn.ReLU(),
            nn.Conv2d(channels // 2, channels - in_channels, 1), nn.ReLU(),
        )  # fmt: skip
        self.join = nn.Conv2d(channels, channels, 1)

    def forward(self, image: Tensor) -> Tensor:
        joined: Tensor = self.join(torch.cat([image, self.layers(image)], dim=1))  # (B, channels, h, w)
        return joined


class FeatureAttention(nn.Module):
    """The feature attention module: the finer scale's features plus a convolution of their product with this scale's."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolution = convolution3x3(channels, channels)

    def forward(self, finer: Tensor, own: Tensor) -> Tensor:
        return finer + self.convolution(finer * own)


class Fusion(nn.Module):
    """The asymmetric feature fusion: features of all scales, resized to this one (nearest neighbour) and convolved."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(in_channels, channels, 1), nn.ReLU(), convolution3x3(channels, channels)
        )  # fmt: skip

    def forward(self, scales: list[Tensor], like: Tensor) -> Tensor:
        resized = [F.interpolate(scale, size=like.shape[-2:]) for scale in scales]
        fused: Tensor = self.layers(torch.cat(resized, dim=1))  # (B, in_channels, h, w) -> (B, channels, h, w)
        return fused


@NETWORKS.register("mimo-unet")
class MIMOUNet(nn.Module):
    """MIMO-UNet (Cho et al. 2021); with `blocks` 20 and `dropout` 0.1 it is their MIMO-UNet+.

    It returns three images, at full, half and quarter resolution. `dropout` is the probability with which a channel of the
    fused features is zeroed in training.
    """

    multiple = 4
    coarser_inputs, coarser_targets = "nearest", "bilinear"  # both without antialiasing, as in the published code

    def __init__(
        self,
        *,
        in_channels: int = 3,
        out_channels: int = 3,
        width: PositiveInt = 32,
        blocks: PositiveInt = 8,
        dropout: Annotated[float, Interval(ge=0, lt=1)] = 0.0,
    ) -> None:
        super().__init__()
        widths = [width, 2 * width, 4 * width]

        def level(channels: int) -> nn.Sequential:
            return nn.Sequential(*(Block(channels) for _ in range(blocks)))

        self.stem = nn.Sequential(convolution3x3(in_channels, width), nn.ReLU())
        self.shallow = nn.ModuleList(ShallowFeatures(in_channels, channels) for channels in widths[1:])
        self.attention = nn.ModuleList(FeatureAttention(channels) for channels in widths[1:])
        self.encoders = nn.ModuleList(level(channels) for channels in widths)
        self.downs = nn.ModuleList(
            nn.Sequential(convolution3x3(channels, 2 * channels, stride=2), nn.ReLU()) for channels in widths[:2]
        )
        self.fusions = nn.ModuleList(Fusion(sum(widths), channels) for channels in widths[:2])
        self.dropout = nn.Dropout2d(dropout)
        self.ups = nn.ModuleList(
            nn.Sequential(nn.ConvTranspose2d(2 * channels, channels, 4, stride=2, padding=1), nn.ReLU())
            for channels in widths[:2]
        )
        self.joins = nn.ModuleList(nn.Sequential(nn.Conv2d(2 * channels, channels, 1), nn.ReLU()) for channels in widths[:2])
        self.decoders = nn.ModuleList(level(channels) for channels in widths)
        self.outputs = nn.ModuleList(output_convolution(channels, out_channels) for channels in widths)

    def forward(self, image: Tensor) -> list[Tensor]:
        encoded = [self.encoders[0](self.stem(image))]  # (B, width, H, W)
        for depth in (1, 2):
            smaller = F.interpolate(image, scale_factor=0.5**depth)  # (B, in_channels, H / 2^depth, W / 2^depth)
            features = self.downs[depth - 1](encoded[-1])  # (B, 2^depth width, H / 2^depth, W / 2^depth)
            features = self.attention[depth - 1](features, self.shallow[depth - 1](smaller))
            encoded.append(self.encoders[depth](features))
        decoded = self.decoders[2](encoded[2])
        results = [self.outputs[2](decoded)]  # (B, out_channels, H / 4, W / 4)
        for depth in (1, 0):
            fused = self.dropout(self.fusions[depth](encoded, encoded[depth]))
            decoded = self.joins[depth](torch.cat([self.ups[depth](decoded), fused], dim=1))  # twice the size, half the width
            decoded = self.decoders[depth](decoded)
            results.insert(0, self.outputs[depth](decoded))
        return results
