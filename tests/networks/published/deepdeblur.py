"""DeepDeblur (Nah et al. 2017), as the authors' PyTorch code has it, for images in [0, 1] in place of [0, 255]."""

from __future__ import annotations

import torch
from skimage.transform import pyramid_gaussian
from torch import Tensor
from torch.nn import functional as F

from tests.networks.published.weights import Weights, convolution


def pyramid(images: Tensor, scales: int) -> list[Tensor]:
    """scikit-image's, of each image."""
    levels = [list(pyramid_gaussian(image.permute(1, 2, 0).numpy(), max_layer=scales - 1, channel_axis=-1)) for image in images]
    return [torch.stack([torch.from_numpy(level).permute(2, 0, 1) for level in same]) for same in zip(*levels, strict=True)]


def deepdeblur(image: Tensor, weights: Weights, blocks: int, scales: int) -> list[Tensor]:
    """The restored images, finest first; half the range is taken away first and added last."""
    smaller = [level - 0.5 for level in pyramid(image, scales)]
    restored = [body(smaller[-1], weights, f"levels.{scales - 1}", blocks)]
    for place in range(scales - 2, -1, -1):
        enlarged = F.pixel_shuffle(convolution(restored[0], weights, f"enlarge.{place}.0"), 2)
        restored.insert(0, body(torch.cat([smaller[place], enlarged], dim=1), weights, f"levels.{place}", blocks))
    return [level + 0.5 for level in restored]


def body(features: Tensor, weights: Weights, name: str, blocks: int) -> Tensor:
    features = convolution(features, weights, f"{name}.0")
    for number in range(1, blocks + 1):
        hidden = F.relu(convolution(features, weights, f"{name}.{number}.first"))
        features = features + convolution(hidden, weights, f"{name}.{number}.second")
    return convolution(features, weights, f"{name}.{blocks + 1}")
