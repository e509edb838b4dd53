"""Global average pooling, and its restriction to local windows at test time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class GlobalAverage(nn.Module):
    """Global average pooling in float32, (B, C, H, W) -> (B, C, 1, 1).

    Inside `pooling_within` it averages a window around each pixel, -> (B, C, H, W). `stride` is the total stride of its
    features with respect to the network's input.
    """

    sees_whole_image = True

    def __init__(self, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        self.window: int | None = None  # in pixels of the network's input

    def forward(self, features: Tensor) -> Tensor:
        if self.window is None:
            return features.mean(dim=(2, 3), keepdim=True, dtype=torch.float32).to(features.dtype)
        window = max(self.window // self.stride, 1)
        return _windowed_mean(_windowed_mean(features.float(), window, 2), window, 3).to(features.dtype)


def global_averages(networks: Iterable[nn.Module]) -> list[GlobalAverage]:
    """Return the global average pooling layers of `networks`."""
    return [module for network in networks for module in network.modules() if isinstance(module, GlobalAverage)]


@contextmanager
def pooling_within(networks: Iterable[nn.Module], window: int | None) -> Iterator[None]:
    """Let every `GlobalAverage` of `networks` pool over windows of `window` input pixels within the context.

    This is the test-time local converter (TLC, Chu et al. 2022) with windows placed as in its code: a network trained on
    patches averages about as many pixels at test time as in training, not a whole image many times as large. A window of
    None leaves global pooling.
    """
    layers = global_averages(networks)
    before = [layer.window for layer in layers]
    try:
        for layer in layers:
            layer.window = window if window is not None else layer.window
        yield
    finally:
        for layer, old in zip(layers, before, strict=True):
            layer.window = old


def _windowed_mean(features: Tensor, window: int, dim: int) -> Tensor:
    """The moving average over `window` neighbours along `dim`, of unchanged shape; at the border windows are shifted inside.

    A window starts (window - 1) // 2 before its pixel.
    """
    length = features.shape[dim]
    window = min(window, length)
    offset = features.mean(dim=dim, keepdim=True)  # cumulative sums of deviations stay small, hence precise in float32
    sums = F.pad((features - offset).cumsum(dim), (0, 0, 1, 0) if dim == 2 else (1, 0))
    means = (sums.narrow(dim, window, length - window + 1) - sums.narrow(dim, 0, length - window + 1)) / window
    starts = (torch.arange(length, device=features.device) - (window - 1) // 2).clamp(0, length - window)
    return means.index_select(dim, starts) + offset
