"""Metrics of pixel-wise distortion."""

from __future__ import annotations

import torch
from torch import Tensor

from deblurbench.metrics.base import mean_over_image, require_pair
from deblurbench.registry import METRICS


@METRICS.register("psnr")
class PSNR:
    """Peak signal-to-noise ratio in dB, 10 log10(1 / MSE) over all pixels and channels; infinite for identical images."""

    higher_is_better = True
    label = "PSNR (dB)"
    decimals = 2

    def __call__(self, restored: Tensor, sharp: Tensor) -> Tensor:
        return -10 * torch.log10(_mean_squared_error(restored, sharp))


@METRICS.register("mse")
class MSE:
    """Mean squared error over all pixels and channels, of values in [0, 1]."""

    higher_is_better = False
    label = "MSE"
    decimals = 5

    def __call__(self, restored: Tensor, sharp: Tensor) -> Tensor:
        return _mean_squared_error(restored, sharp)


def _mean_squared_error(restored: Tensor, sharp: Tensor) -> Tensor:
    restored, sharp = require_pair(restored, sharp)
    return mean_over_image((restored - sharp).square())
