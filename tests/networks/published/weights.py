"""Weights that both implementations share, and the layers that they are for."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Weights = dict[str, Tensor]


def randomised(network: nn.Module) -> Weights:
    """Random weights everywhere, also where training starts at zero or one: given to `network`, and by name.

    Both in float64, so that functions are compared and not their rounding.
    """
    generator = torch.Generator().manual_seed(0)
    for parameter in network.double().parameters():
        size = parameter[0].numel() if parameter.ndim == 4 else 2
        parameter.data.copy_(torch.randn(parameter.shape, generator=generator) / size**0.5)
    return {name: value.detach() for name, value in network.named_parameters()}


def convolution(
    features: Tensor, weights: Weights, name: str, *, stride: int = 1, groups: int = 1, bias: bool = True
) -> Tensor:
    """Zero padding keeps the size of an odd filter."""
    weight = weights[f"{name}.weight"]
    padding = (weight.shape[-1] - 1) // 2
    return F.conv2d(features, weight, weights[f"{name}.bias"] if bias else None, stride, padding, groups=groups)


def normalised(features: Tensor, weights: Weights, name: str, epsilon: float) -> Tensor:
    """Each pixel's channels to mean zero and variance one, scaled and shifted."""
    mean = features.mean(dim=1, keepdim=True)
    variance = (features - mean).square().mean(dim=1, keepdim=True)
    scaled = (features - mean) / (variance + epsilon).sqrt()
    return scaled * weights[f"{name}.weight"][:, None, None] + weights[f"{name}.bias"][:, None, None]
