"""Structural similarity."""

from __future__ import annotations

import torch
from torch import Tensor

from deblurbench.metrics.base import mean_over_image, require_pair, separable_filter
from deblurbench.registry import METRICS

WINDOW, SIGMA = 11, 1.5
C1, C2 = 0.01**2, 0.03**2


@METRICS.register("ssim")
class SSIM:
    """SSIM (Wang et al. 2004): Gaussian window of 11 pixels, sigma 1.5, each channel by itself, valid borders, mean.

    The same as scikit-image's `structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False)`.
    Raises ValueError for images smaller than the window.
    """

    higher_is_better = True
    label = "SSIM"
    decimals = 4

    def __call__(self, restored: Tensor, sharp: Tensor) -> Tensor:
        x, y = require_pair(restored, sharp)
        if min(x.shape[-2:]) < WINDOW:
            raise ValueError(f"SSIM needs images of at least {WINDOW}x{WINDOW} pixels, not {x.shape[-1]}x{x.shape[-2]}")
        offsets = torch.arange(WINDOW, dtype=torch.float64) - WINDOW // 2
        taps = torch.exp(-0.5 * (offsets / SIGMA).square())
        moments = separable_filter(torch.cat([x, y, x * x, y * y, x * y]), taps / taps.sum())
        mean_x, mean_y, mean_xx, mean_yy, mean_xy = moments.chunk(5)
        variance_x, variance_y = mean_xx - mean_x.square(), mean_yy - mean_y.square()
        covariance = mean_xy - mean_x * mean_y
        luminance = (2 * mean_x * mean_y + C1) / (mean_x.square() + mean_y.square() + C1)
        contrast_structure = (2 * covariance + C2) / (variance_x + variance_y + C2)
        return mean_over_image(luminance * contrast_structure)
