"""Sharpness of a photograph without ground truth."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from deblurbench.metrics.base import luma
from deblurbench.registry import NO_REFERENCE


@NO_REFERENCE.register("laplacian-variance")
class LaplacianVariance:
    """The variance of the Laplacian (Pech-Pacheco et al. 2000) of luma in [0, 255], 4-neighbourhood, reflect padding.

    Higher is sharper, or noisier: ringing and noise raise it too, so that it ranks nothing by itself. Raises ValueError for
    images smaller than 2x2.
    """

    label = "variance of the Laplacian"
    decimals = 1

    def __call__(self, images: Tensor) -> Tensor:
        if min(images.shape[-2:]) < 2:
            raise ValueError(f"{self.label} needs images of at least 2x2 pixels")
        grey = luma(images.to(torch.float64)) * 255  # (B, 1, H, W)
        kernel = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]], dtype=grey.dtype, device=grey.device)
        response = F.conv2d(F.pad(grey, (1, 1, 1, 1), mode="reflect"), kernel[None, None])
        return response.flatten(1).var(dim=1, correction=0)
