"""Layers that several networks share."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def convolution3x3(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    """A 3x3 convolution that keeps the size (or halves it); zero padding, the fastest on every backend."""
    return nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1)


def output_convolution(in_channels: int, out_channels: int, size: int = 3, *, bias: bool = True) -> nn.Conv2d:
    """The last layer: small weights, so that a family's global skip starts as the identity and gradients still flow."""
    layer = nn.Conv2d(in_channels, out_channels, size, padding=size // 2, bias=bias)
    nn.init.normal_(layer.weight, std=1e-3)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def initialize_normal(network: nn.Module, std: float = 0.02) -> None:
    """Draw the weights of all convolutions from N(0, std^2), with biases of zero: how pix2pix and DeblurGAN start."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, std=std)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)


def clamped_residual(image: Tensor, output: Tensor) -> Tensor:
    """What DeblurGAN adds to `image` (B, C, H, W) in [0, 1], given its last layer's `output` (Kupyn et al. 2018).

    There images lie in [-1, 1] and image + tanh(output) is clamped to it; this is the same in [0, 1], less the image, which
    a family adds.
    """
    return (image + torch.tanh(output) / 2).clamp(0, 1) - image


def require_image_to_image(in_channels: int, out_channels: int) -> None:
    """Raise ValueError where the output is not of the input's channels, and so could not be clamped together with it."""
    if in_channels != out_channels:
        raise ValueError(
            f"it clamps the sum of its input and its output, and cannot make {out_channels} channels of {in_channels}, as a "
            "denoiser or a bridge has to; choose another network"
        )


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of each pixel, (B, C, H, W) -> the same; reduced in float32."""

    def __init__(self, channels: int, epsilon: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.epsilon = epsilon

    def forward(self, features: Tensor) -> Tensor:
        # Channels last: in that memory layout both permutations are free. `layer_norm` accumulates in float32.
        pixels = features.permute(0, 2, 3, 1)
        return F.layer_norm(pixels, self.weight.shape, self.weight, self.bias, self.epsilon).permute(0, 3, 1, 2)


class FeatureModulation(nn.Module):
    """FiLM (Perez et al. 2018): scales and shifts each channel by a linear function of the condition.

    `forward(features (B, C, H, W), condition (B, D)) -> (B, C, H, W)`.
    """

    def __init__(self, condition_channels: int, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(condition_channels, 2 * channels)

    def forward(self, features: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.linear(condition)[:, :, None, None].chunk(2, dim=1)
        return features * (1 + scale) + shift


class ResidualBlock(nn.Module):
    """Convolution, activation, convolution, added to the input; FiLM between them where there is a condition.

    `normalization` is "none" (EDSR, Lim et al. 2017: best for restoration) or "instance" (with learned scale and shift).
    """

    def __init__(self, channels: int, *, condition_channels: int = 0, normalization: str = "none") -> None:
        super().__init__()
        self.first = convolution3x3(channels, channels)
        self.normalize_first = normalization_layer(normalization, channels)
        self.modulation = FeatureModulation(condition_channels, channels) if condition_channels else None
        self.activation = nn.SiLU()
        self.second = convolution3x3(channels, channels)
        self.normalize_second = normalization_layer(normalization, channels)

    def forward(self, features: Tensor, condition: Tensor | None = None) -> Tensor:
        hidden = self.normalize_first(self.first(features))
        if self.modulation is not None:
            hidden = self.modulation(hidden, condition)
        return features + self.normalize_second(self.second(self.activation(hidden)))


class ConditionEmbedding(nn.Module):
    """Two linear layers between the condition that a network is given and the one that its blocks see."""

    def __init__(self, condition_channels: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(condition_channels, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())

    def forward(self, condition: Tensor) -> Tensor:
        embedded: Tensor = self.layers(condition)
        return embedded


def through(blocks: nn.Module, features: Tensor, condition: Tensor | None) -> Tensor:
    """`features` through a list of blocks that each take a condition."""
    for block in blocks.children():
        features = block(features, condition)
    return features


def normalization_layer(name: str, channels: int) -> nn.Module:
    """ "none" or "instance" (with learned scale and shift). Raises ValueError for another name."""
    if name == "none":
        return nn.Identity()
    if name == "instance":
        return nn.InstanceNorm2d(channels, affine=True)
    raise ValueError(f"normalization is 'none' or 'instance', not '{name}'")
