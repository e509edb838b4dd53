"""Perceptual colour differences: they show colour shifts to which PSNR is almost blind."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from deblurbench.metrics.base import LOWER, SharedMetric, require_pair
from deblurbench.registry import METRICS


def color_differences(restored: Tensor, sharp: Tensor) -> Tensor:
    """Compute CIEDE2000 (Sharma et al. 2005) of sRGB under D65 by scikit-image: (B, C, H, W) twice -> (B, H W) float64."""
    from skimage.color import deltaE_ciede2000, rgb2lab

    # (B, C, H, W) -> (B, H, W, 3)
    pair = [images.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).cpu().numpy() for images in require_pair(restored, sharp)]
    differences = deltaE_ciede2000(*(rgb2lab(images) for images in pair))
    return torch.from_numpy(np.asarray(differences, np.float64)).flatten(1).to(restored.device)


@METRICS.register("color-error")
class ColorError(SharedMetric):
    """The mean of CIEDE2000 over the image: a difference of about 1 is just noticeable."""

    label = "colour error"
    explanation = "Mean colour difference by CIEDE2000, of which about 1 is just noticeable."
    direction = LOWER
    decimals = 2
    best = 0.0
    intermediate = staticmethod(color_differences)

    def reduce(self, intermediate: Tensor) -> Tensor:
        return intermediate.mean(dim=1)


@METRICS.register("color-error-95")
class ColorError95(ColorError):
    """The 95th percentile of CIEDE2000 over the image: colour errors of small regions, which a mean hides."""

    label = "colour error, 95th percentile"
    explanation = "Colour difference by CIEDE2000 that 95 % of the pixels stay below: wrong colours of small regions."

    def reduce(self, intermediate: Tensor) -> Tensor:
        # NumPy's, because torch's takes no more than 16 million values.
        return torch.from_numpy(np.percentile(intermediate.cpu().numpy(), 95, axis=1)).to(intermediate.device)
