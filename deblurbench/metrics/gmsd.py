"""Gradient magnitude similarity deviation: a perceptual metric without trained weights."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from deblurbench.metrics.base import LOWER, Metric, luma, require_pair
from deblurbench.registry import METRICS

STABILITY = 170 / 255**2  # c of the paper, for values in [0, 1] instead of [0, 255]


@METRICS.register("gmsd")
class GMSD(Metric):
    """Gradient magnitude similarity deviation (Xue et al. 2014), on luma: 0 for equal structure, higher is worse.

    Luma is downsampled by averaging 2x2 pixels, gradients are Prewitt's, and the score is the standard deviation of the
    similarity map. Raises ValueError for images smaller than 4x4.
    """

    label = "GMSD"
    explanation = "Gradient magnitude similarity deviation: how unevenly edges differ from those of the sharp image."
    direction = LOWER
    decimals = 4
    best = 0.0
    smallest_side = 4

    def __call__(self, restored: Tensor, sharp: Tensor) -> Tensor:
        x, y = require_pair(restored, sharp)
        self.require_size(x)
        magnitude_x, magnitude_y = _gradient_magnitude(x), _gradient_magnitude(y)
        similarity = (2 * magnitude_x * magnitude_y + STABILITY) / (magnitude_x.square() + magnitude_y.square() + STABILITY)
        return similarity.flatten(1).std(dim=1, correction=0)


def _gradient_magnitude(images: Tensor) -> Tensor:
    small = F.avg_pool2d(luma(images), 2)  # (B, 1, H / 2, W / 2)
    horizontal = torch.tensor([[1.0, 0, -1]] * 3, dtype=images.dtype, device=images.device) / 3
    kernels = torch.stack([horizontal, horizontal.T])[:, None]
    gradients = F.conv2d(small, kernels, padding=1)  # (B, 2, H / 2, W / 2)
    return gradients.square().sum(dim=1).sqrt()
