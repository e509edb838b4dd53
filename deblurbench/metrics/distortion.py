"""Pixel-wise distortion."""

from __future__ import annotations

import torch
from torch import Tensor

from deblurbench.metrics.base import HIGHER, LOWER, Metric, SharedMetric
from deblurbench.metrics.strips import mean_in_strips
from deblurbench.registry import METRICS


def mean_squared_error(restored: Tensor, sharp: Tensor) -> Tensor:
    """Compute the mean squared error: (B, C, H, W) twice -> (B,)."""
    return mean_in_strips(lambda x, y: (x - y).square_(), restored, sharp)


@METRICS.register("psnr")
class PSNR(SharedMetric):
    """Peak signal-to-noise ratio in dB, 10 log10(1 / MSE) over all pixels and channels; infinite for identical images."""

    label = "PSNR (dB)"
    explanation = "Peak signal-to-noise ratio: how small the error of the pixels is, on a logarithmic scale."
    direction = HIGHER
    decimals = 2
    best = float("inf")
    intermediate = staticmethod(mean_squared_error)

    def reduce(self, intermediate: Tensor) -> Tensor:
        return -10 * torch.log10(intermediate)


@METRICS.register("mse")
class MSE(SharedMetric):
    """Mean squared error over all pixels and channels, of values in [0, 1]."""

    label = "MSE"
    explanation = "Mean squared error of the pixels, of values from 0 to 1."
    direction = LOWER
    decimals = 5
    best = 0.0
    intermediate = staticmethod(mean_squared_error)

    def reduce(self, intermediate: Tensor) -> Tensor:
        return intermediate


@METRICS.register("mae")
class MAE(Metric):
    """Mean absolute error over all pixels and channels, of values in [0, 1]."""

    label = "MAE"
    explanation = "Mean absolute error of the pixels, of values from 0 to 1."
    direction = LOWER
    decimals = 4
    best = 0.0

    def __call__(self, restored: Tensor, sharp: Tensor) -> Tensor:
        return mean_in_strips(lambda x, y: (x - y).abs(), restored, sharp)
