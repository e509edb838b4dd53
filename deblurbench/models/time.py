"""Networks that know the time of a process: the noise level of diffusion, the place on the way of a bridge."""

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
    """A network from `in_channels` images' channels and a time to 3 channels.

    It is told the time as a condition where it takes one, otherwise by one more, constant input channel. Raises
    ValueError, naming the network, where neither reaches it.
    """
    if _takes_condition(NETWORKS.get(NETWORKS.resolve(spec)["name"])):
        network: nn.Module = NETWORKS.build(
            spec, in_channels=in_channels, out_channels=3, condition_channels=CONDITION_CHANNELS
        )
        return network
    network = NETWORKS.build(spec, in_channels=in_channels + 1, out_channels=3)
    if any(isinstance(module, nn.InstanceNorm2d) for module in network.modules()):
        raise ValueError(
            f"network '{NETWORKS.name_of(network)}' cannot be told a time: it takes no condition, and its instance "
            "normalisation removes a constant channel; choose another network"
        )
    return network


def call_at_time(network: nn.Module, images: Tensor, t: Tensor, context: RestorationContext | None = None) -> Tensor:
    """The finest output (B, 3, H, W) for `images` (B, C, H, W) at times `t` (B,) in [0, 1]."""
    return call_network(network, *_told(network, images, t), context=context)


def call_at_time_at_scales(network: nn.Module, images: Tensor, t: Tensor) -> list[Tensor]:
    """The outputs of every scale that the network gives, finest first."""
    return call_network_at_scales(network, *_told(network, images, t))


def time_features(t: Tensor, channels: int) -> Tensor:
    """(B,) in [0, 1] -> (B, channels): sines and cosines of frequencies from 1 to 1000 (Vaswani et al. 2017)."""
    frequencies = torch.exp(torch.linspace(0, math.log(1000), channels // 2, device=t.device))
    angles = t[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def _takes_condition(network: type[nn.Module]) -> bool:
    return "condition_channels" in inspect.signature(network).parameters


def _told(network: nn.Module, images: Tensor, t: Tensor) -> tuple[Tensor, Tensor | None]:
    """The arguments of the network: the images and the condition, or the images with the time as one more channel."""
    if _takes_condition(type(network)):
        return images, time_features(t, CONDITION_CHANNELS)
    level = t[:, None, None, None].expand(-1, 1, *images.shape[-2:])
    return torch.cat([images, level], dim=1), None
