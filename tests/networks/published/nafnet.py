"""NAFNet (Chen et al. 2022), and the local converter of its pooling (TLC, Chu et al. 2022)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from tests.networks.published.weights import Weights, convolution, normalised

Pool = Callable[[Tensor, int], Tensor]  # features, and how many pixels of the image one of theirs spans


def whole(features: Tensor, _: int) -> Tensor:
    return features.mean(dim=(2, 3), keepdim=True)


def within(window: int) -> Pool:
    """Means over windows of `window` pixels of the image, repeated at the border until there are as many as features."""

    def pool(features: Tensor, stride: int) -> Tensor:
        height, width = features.shape[-2:]
        side = (min(window // stride, height), min(window // stride, width))
        means = F.avg_pool2d(features, side, stride=1)
        rows, columns = height - means.shape[-2], width - means.shape[-1]
        return F.pad(means, (columns // 2, (columns + 1) // 2, rows // 2, (rows + 1) // 2), mode="replicate")

    return pool


def nafnet(image: Tensor, weights: Weights, encoder: list[int], middle: int, decoder: list[int], pool: Pool = whole) -> Tensor:
    """The restored image; `encoder`, `middle` and `decoder` are how many blocks there are."""

    def blocks(features: Tensor, place: str, count: int, depth: int) -> Tensor:
        for number in range(count):
            features = block(features, weights, f"{place}.{number}", lambda hidden: pool(hidden, 2**depth))
        return features

    features, skips = convolution(image, weights, "stem"), []
    for depth, count in enumerate(encoder):
        features = blocks(features, f"encoders.{depth}", count, depth)
        skips.append(features)
        features = convolution(features, weights, f"downs.{depth}", stride=2)
    features = blocks(features, "middle", middle, len(encoder))
    for depth, count in reversed(list(enumerate(decoder))):
        features = F.pixel_shuffle(convolution(features, weights, f"ups.{depth}.0", bias=False), 2) + skips[depth]
        features = blocks(features, f"decoders.{depth}", count, depth)
    return image + convolution(features, weights, "output")


def block(features: Tensor, weights: Weights, name: str, pool: Callable[[Tensor], Tensor]) -> Tensor:
    hidden = convolution(normalised(features, weights, f"{name}.norm", 1e-6), weights, f"{name}.expand")
    hidden = gate(convolution(hidden, weights, f"{name}.depthwise", groups=hidden.shape[1]))
    hidden = hidden * convolution(pool(hidden), weights, f"{name}.attention")
    features = features + convolution(hidden, weights, f"{name}.project") * weights[f"{name}.scale"]
    hidden = convolution(normalised(features, weights, f"{name}.mix_norm", 1e-6), weights, f"{name}.mix_expand")
    return features + convolution(gate(hidden), weights, f"{name}.mix_project") * weights[f"{name}.mix_scale"]


def gate(features: Tensor) -> Tensor:
    half = features.shape[1] // 2
    return torch.mul(features[:, :half], features[:, half:])
