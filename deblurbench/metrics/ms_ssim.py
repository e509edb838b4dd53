"""Structural similarity at several scales."""

from __future__ import annotations

import torch
from torch import Tensor

from deblurbench.images.tensors import at_scale
from deblurbench.metrics.base import require_pair
from deblurbench.metrics.ssim import SSIM
from deblurbench.registry import METRICS

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


@METRICS.register("ms-ssim")
class MultiScaleSSIM(SSIM):
    """MS-SSIM (Wang et al. 2003): contrast and structure at five scales, luminance at the coarsest, per channel.

    Each scale is downsampled from the last by averaging 2x2 pixels. Negative means count as zero. Raises ValueError for
    images with a side below 176 pixels.
    """

    label = "MS-SSIM"
    explanation = "Structural similarity at five scales, from fine detail to coarse shapes; 1 for identical images."
    smallest_side = SSIM.window * 2 ** (len(WEIGHTS) - 1)

    def __call__(self, restored: Tensor, sharp: Tensor) -> Tensor:
        x, y = require_pair(restored, sharp)
        self.require_size(x)
        product = torch.ones(x.shape[:2], dtype=torch.float64, device=x.device)  # (B, C)
        for scale, weight in enumerate(WEIGHTS):
            luminance, contrast_structure = self.factors(at_scale(x, scale), at_scale(y, scale))
            if scale == len(WEIGHTS) - 1:
                contrast_structure.mul_(luminance)
            product *= contrast_structure.mean(dim=(-2, -1)).clamp(min=0) ** weight
        return product.mean(dim=1)
