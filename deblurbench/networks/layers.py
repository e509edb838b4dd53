"""Layers common to several networks."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Activation = Literal["relu", "silu"]


def convolution3x3(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    """Return a 3x3 convolution with "same" zero padding, the fastest on every backend; `stride` 2 halves the size."""
    return nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1)


class ImageConvolution(nn.Conv2d):
    """A first 3x3 convolution, of an image (B, C, H, W), that computes in float32 under autocast, too.

    bfloat16 rounds values in [0, 1] to about the steps of 8 bits: noise, which a network that sharpens amplifies.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        if image.is_meta:  # has no autocast
            return super().forward(image)
        with torch.autocast(image.device.type, enabled=False):
            return super().forward(image.to(self.weight.dtype))


def output_convolution(in_channels: int, out_channels: int, size: int = 3, *, bias: bool = True) -> nn.Conv2d:
    """Return a last layer with small weights: with the global skip a network starts near the identity, yet has gradients."""
    layer = nn.Conv2d(in_channels, out_channels, size, padding=size // 2, bias=bias)
    _initialize(layer, std=1e-3)
    return layer


def initialize_normal(network: nn.Module, std: float = 0.02) -> None:
    """Initialize all convolutions with weights from N(0, std^2) and zero biases, as pix2pix and DeblurGAN do."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            _initialize(layer, std)


def _initialize(layer: nn.Conv2d | nn.ConvTranspose2d, std: float) -> None:
    if not layer.weight.is_meta:  # for which torch would import its compiler, and draw nothing
        nn.init.normal_(layer.weight, std=std)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def clamped_residual(image: Tensor, output: Tensor) -> Tensor:
    """Compute DeblurGAN's residual of `image` (B, C, H, W) in [0, 1] from its last layer's `output` (Kupyn et al. 2018).

    The published generator clamps image + tanh(output) to [-1, 1]; this is its equivalent for images in [0, 1], minus the
    image, which the family adds.
    """
    return (image + torch.tanh(output) / 2).clamp(0, 1) - image


def require_image_to_image(in_channels: int, out_channels: int) -> None:
    """Raise ValueError unless input and output have equally many channels, as a clamped sum of both requires."""
    if in_channels != out_channels:
        raise ValueError(
            f"it clamps the sum of input and output, and cannot map {in_channels} channels to {out_channels}, as denoisers and "
            "bridges must; choose another network"
        )


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of each pixel, (B, C, H, W) -> (B, C, H, W); reduced in float32."""

    def __init__(self, channels: int, epsilon: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.epsilon = epsilon

    def forward(self, features: Tensor) -> Tensor:
        # With channels-last memory both permutations are views. `layer_norm` accumulates in float32.
        pixels = features.permute(0, 2, 3, 1)  # (B, H, W, C)
        return F.layer_norm(pixels, self.weight.shape, self.weight, self.bias, self.epsilon).permute(0, 3, 1, 2)


class FeatureModulation(nn.Module):
    """FiLM (Perez et al. 2018): scales and shifts each channel by a linear function of the condition.

    `forward(features (B, C, H, W), condition (B, D)) -> (B, C, H, W)`.
    """

    def __init__(self, condition_channels: int, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(condition_channels, 2 * channels)

    def forward(self, features: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.linear(condition)[:, :, None, None].chunk(2, dim=1)  # (B, D) -> 2 x (B, C, 1, 1)
        return features * (1 + scale) + shift


class ResidualBlock(nn.Module):
    """Convolution, activation, convolution with a residual connection; with a condition, FiLM before the activation.

    `normalization` is "none" (EDSR, Lim et al. 2017: best for restoration) or "instance" (with affine parameters).
    """

    def __init__(
        self,
        channels: int,
        *,
        condition_channels: int = 0,
        normalization: str = "none",
        activation: Activation = "relu",
    ) -> None:
        super().__init__()
        self.first = convolution3x3(channels, channels)
        self.normalize_first = normalization_layer(normalization, channels)
        self.modulation = FeatureModulation(condition_channels, channels) if condition_channels else None
        self.activation = activation_layer(activation)
        self.second = convolution3x3(channels, channels)
        self.normalize_second = normalization_layer(normalization, channels)

    def forward(self, features: Tensor, condition: Tensor | None = None) -> Tensor:
        hidden = self.normalize_first(self.first(features))
        if self.modulation is not None:
            hidden = self.modulation(hidden, condition)
        return features + self.normalize_second(self.second(self.activation(hidden)))


class ConditionEmbedding(nn.Module):
    """An MLP of two layers that embeds a network's condition for its blocks, (B, condition_channels) -> (B, width)."""

    def __init__(self, condition_channels: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(condition_channels, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())

    def forward(self, condition: Tensor) -> Tensor:
        embedded: Tensor = self.layers(condition)
        return embedded


def apply_blocks(blocks: nn.Module, features: Tensor, condition: Tensor | None) -> Tensor:
    """Apply `blocks`, each of which takes a condition, one after another to `features`."""
    for block in blocks.children():
        features = block(features, condition)
    return features


def activation_layer(name: Activation) -> nn.Module:
    """Return the layer for "relu", or for "silu", which is nearly linear for small features (it is x / 2 around 0)."""
    return nn.ReLU() if name == "relu" else nn.SiLU()


def pixel_shuffle_upsampling(in_channels: int, out_channels: int, *, bias: bool = True) -> nn.Module:
    """Return upsampling by a pixel shuffle (Shi et al. 2016), (B, in_channels, H, W) -> (B, out_channels, 2 H, 2 W)."""
    return nn.Sequential(nn.Conv2d(in_channels, 4 * out_channels, 1, bias=bias), nn.PixelShuffle(2))


def normalization_layer(name: str, channels: int) -> nn.Module:
    """Return the layer for "none" or "instance" (with affine parameters). Raises ValueError for another name."""
    if name == "none":
        return nn.Identity()
    if name == "instance":
        return nn.InstanceNorm2d(channels, affine=True)
    raise ValueError(f"normalization must be 'none' or 'instance', not '{name}'")
