"""Networks conditioned on time: the noise level of a diffusion, the interpolation weight of a bridge."""

from __future__ import annotations

import inspect
import math

import torch
from torch import Tensor, nn

from deblurbench.models.restoration import RestorationContext
from deblurbench.models.windows import call_network, call_network_at_scales
from deblurbench.registry import NETWORKS, NetworkSpec

CONDITION_CHANNELS = 64


def build_timed_network(spec: NetworkSpec, in_channels: int) -> nn.Module:
    """Build a network from `in_channels` channels and a time to 3 channels.

    The time is its condition where it takes one, otherwise one more, constant input channel. Raises ValueError, naming
    the network, where neither has an effect.
    """
    if _takes_condition(NETWORKS.get(NETWORKS.resolve(spec)["name"])):
        network: nn.Module = NETWORKS.build(
            spec, in_channels=in_channels, out_channels=3, condition_channels=CONDITION_CHANNELS
        )
        return network
    network = NETWORKS.build(spec, in_channels=in_channels + 1, out_channels=3)
    if any(isinstance(module, nn.InstanceNorm2d) for module in network.modules()):
        raise ValueError(
            f"network '{NETWORKS.name_of(network)}' cannot be conditioned on time: it takes no condition, and its instance "
            "normalisation removes a constant channel; choose another network"
        )
    return network


def call_at_time(network: nn.Module, images: Tensor, t: Tensor, context: RestorationContext | None = None) -> Tensor:
    """Evaluate `network` on `images` (B, C, H, W) at times `t` (B,) in [0, 1]; returns the finest scale (B, 3, H, W)."""
    return call_network(network, *_network_inputs(network, images, t), context=context)


def call_at_time_at_scales(network: nn.Module, images: Tensor, t: Tensor) -> list[Tensor]:
    """Evaluate `network` as `call_at_time` does; returns every scale, finest first."""
    return call_network_at_scales(network, *_network_inputs(network, images, t))


def time_embedding(t: Tensor, channels: int) -> Tensor:
    """Sinusoidal embedding (B, channels) of `t` (B,) in [0, 1], of frequencies from 1 to 1000 (Vaswani et al. 2017)."""
    frequencies = torch.exp(torch.linspace(0, math.log(1000), channels // 2, device=t.device))
    angles = t[:, None] * frequencies  # (B, channels / 2)
    return torch.cat([angles.sin(), angles.cos()], dim=1)  # (B, channels)


def _takes_condition(network: type[nn.Module]) -> bool:
    return "condition_channels" in inspect.signature(network).parameters


def _network_inputs(network: nn.Module, images: Tensor, t: Tensor) -> tuple[Tensor, Tensor | None]:
    """The arguments of `network`: images and condition, or images with the time as one more channel and no condition."""
    if _takes_condition(type(network)):
        return images, time_embedding(t, CONDITION_CHANNELS)
    channel = t[:, None, None, None].expand(-1, 1, *images.shape[-2:])  # (B,) -> (B, 1, H, W)
    return torch.cat([images, channel], dim=1), None  # (B, C + 1, H, W)
