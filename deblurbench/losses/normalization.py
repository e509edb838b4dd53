"""The values that a loss compares images in."""

from __future__ import annotations

import torch
from torch import Tensor


def normalized(images: Tensor, normalization: str) -> Tensor:
    """Images (B, 3, H, W) in [0, 1], each shifted and scaled to suit what looks at them.

    "symmetric" to [-1, 1]; "imagenet" so that the colours of ImageNet have mean zero and deviation one; "none" leaves them.
    """
    if normalization == "imagenet":
        mean = torch.tensor([0.485, 0.456, 0.406], device=images.device).view(1, 3, 1, 1)
        std = torch.tensor([0.229, 0.224, 0.225], device=images.device).view(1, 3, 1, 1)
        return (images - mean) / std
    return 2 * images - 1 if normalization == "symmetric" else images
