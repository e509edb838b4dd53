"""Normalisation of images before they are compared."""

from __future__ import annotations

import torch
from torch import Tensor


def normalized(images: Tensor, normalization: str) -> Tensor:
    """Normalize images (B, 3, H, W) in [0, 1] to the range that a network or loss expects.

    "symmetric" maps to [-1, 1], "imagenet" to zero mean and unit deviation over ImageNet; "none" changes nothing.
    """
    if normalization == "imagenet":
        mean = torch.tensor([0.485, 0.456, 0.406], device=images.device).view(1, 3, 1, 1)
        std = torch.tensor([0.229, 0.224, 0.225], device=images.device).view(1, 3, 1, 1)
        return (images - mean) / std
    return 2 * images - 1 if normalization == "symmetric" else images
