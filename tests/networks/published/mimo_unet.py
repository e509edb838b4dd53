"""MIMO-UNet (Cho et al. 2021), and what its code minimises."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from tests.networks.published.weights import Weights, convolution


def mimo_unet(image: Tensor, weights: Weights, blocks: int) -> list[Tensor]:
    """The restored images, finest first."""

    def residual_blocks(features: Tensor, place: str) -> Tensor:
        for number in range(blocks):
            hidden = F.relu(convolution(features, weights, f"{place}.{number}.first"))
            features = features + convolution(hidden, weights, f"{place}.{number}.second")
        return features

    half = every_second(image)
    quarter = every_second(half)
    features = F.relu(convolution(image, weights, "stem.0"))
    fine = residual_blocks(features, "encoders.0")
    features = F.relu(convolution(fine, weights, "downs.0.0", stride=2))
    features = attended(features, shallow(half, weights, "shallow.0"), weights, "attention.0")
    middle = residual_blocks(features, "encoders.1")
    features = F.relu(convolution(middle, weights, "downs.1.0", stride=2))
    features = attended(features, shallow(quarter, weights, "shallow.1"), weights, "attention.1")
    coarse = residual_blocks(features, "encoders.2")

    to_fine = fused([fine, twice(middle), twice(twice(coarse))], weights, "fusions.0")
    to_middle = fused([every_second(fine), middle, twice(coarse)], weights, "fusions.1")

    features = residual_blocks(coarse, "decoders.2")
    restored_quarter = quarter + convolution(features, weights, "outputs.2")
    features = torch.cat([enlarged(features, weights, "ups.1.0"), to_middle], dim=1)
    features = residual_blocks(F.relu(convolution(features, weights, "joins.1.0")), "decoders.1")
    restored_half = half + convolution(features, weights, "outputs.1")
    features = torch.cat([enlarged(features, weights, "ups.0.0"), to_fine], dim=1)
    features = residual_blocks(F.relu(convolution(features, weights, "joins.0.0")), "decoders.0")
    return [image + convolution(features, weights, "outputs.0"), restored_half, restored_quarter]


def loss(restored: list[Tensor], sharp: Tensor) -> Tensor:
    """The sum over the scales of the L1 of pixels and a tenth of the L1 of whole, unnormalised spectra."""
    total = torch.zeros((), dtype=sharp.dtype)
    for place, image in enumerate(restored):
        target = F.interpolate(sharp, scale_factor=1 / 2**place, mode="bilinear") if place else sharp
        total += (image - target).abs().mean()
        spectrum, wanted = torch.fft.fft2(image), torch.fft.fft2(target)
        total += 0.1 * ((spectrum.real - wanted.real).abs().mean() + (spectrum.imag - wanted.imag).abs().mean()) / 2
    return total


def shallow(image: Tensor, weights: Weights, name: str) -> Tensor:
    features = image
    for layer in (0, 2, 4, 6):
        features = F.relu(convolution(features, weights, f"{name}.layers.{layer}"))
    return convolution(torch.cat([image, features], dim=1), weights, f"{name}.join")


def attended(finer: Tensor, own: Tensor, weights: Weights, name: str) -> Tensor:
    return finer + convolution(finer * own, weights, f"{name}.convolution")


def fused(scales: list[Tensor], weights: Weights, name: str) -> Tensor:
    features = F.relu(convolution(torch.cat(scales, dim=1), weights, f"{name}.layers.0"))
    return convolution(features, weights, f"{name}.layers.2")


def enlarged(features: Tensor, weights: Weights, name: str) -> Tensor:
    weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    return F.relu(F.conv_transpose2d(features, weight, bias, stride=2, padding=1))


def every_second(features: Tensor) -> Tensor:
    return features[..., ::2, ::2]


def twice(features: Tensor) -> Tensor:
    return features.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
