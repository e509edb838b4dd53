"""Restormer (Zamir et al. 2022), as its code has it for motion deblurring."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from tests.networks.published.weights import Weights, convolution, normalised

Levels = tuple[int, int, int, int]
convolved = partial(convolution, bias=False)


def restormer(image: Tensor, weights: Weights, blocks: Levels, refinement: int, heads: Levels) -> Tensor:
    """The restored image; `blocks` and `heads` are those of the levels, the finest first."""

    def level(features: Tensor, place: str, count: int, heads: int) -> Tensor:
        for number in range(count):
            features = block(features, weights, f"{place}.{number}", heads)
        return features

    features, skips = convolved(image, weights, "stem"), []
    for depth in range(4):
        features = level(features, f"encoders.{depth}", blocks[depth], heads[depth])
        skips.append(features)
        if depth < 3:
            features = F.pixel_unshuffle(convolved(features, weights, f"downs.{depth}.0"), 2)
    for depth in (2, 1, 0):
        features = F.pixel_shuffle(convolved(features, weights, f"ups.{depth}.0"), 2)
        features = torch.cat([features, skips[depth]], dim=1)
        if depth:  # at the finest level all channels stay
            features = convolved(features, weights, f"joins.{depth - 1}")
        features = level(features, f"decoders.{depth}", blocks[depth], heads[depth])
    features = level(features, "refinement", refinement, heads[0])
    return image + convolved(features, weights, "output")


def block(features: Tensor, weights: Weights, name: str, heads: int) -> Tensor:
    hidden = normalised(features, weights, f"{name}.attention_norm", 1e-5)
    features = features + attention(hidden, weights, f"{name}.attention", heads)
    hidden = normalised(features, weights, f"{name}.feed_forward_norm", 1e-5)
    return features + feed_forward(hidden, weights, f"{name}.feed_forward")


def attention(features: Tensor, weights: Weights, name: str, heads: int) -> Tensor:
    """Between the channels of each head, image by image and head by head."""
    inputs = convolved(features, weights, f"{name}.inputs")
    inputs = convolved(inputs, weights, f"{name}.depthwise", groups=inputs.shape[1])
    channels, height, width = features.shape[1:]
    size = channels // heads
    attended = torch.empty_like(features)
    for place, planes in enumerate(inputs.flatten(2)):  # (3 C, H W)
        queries, keys, values = planes[:channels], planes[channels : 2 * channels], planes[2 * channels :]
        for head in range(heads):
            own = slice(head * size, (head + 1) * size)
            query = queries[own] / queries[own].square().sum(dim=1, keepdim=True).sqrt()
            key = keys[own] / keys[own].square().sum(dim=1, keepdim=True).sqrt()
            scores = (query @ key.T * weights[f"{name}.temperature"][head]).exp()
            mixed = scores / scores.sum(dim=1, keepdim=True) @ values[own]
            attended[place, own] = mixed.reshape(size, height, width)
    return convolved(attended, weights, f"{name}.output")


def feed_forward(features: Tensor, weights: Weights, name: str) -> Tensor:
    hidden = convolved(features, weights, f"{name}.inputs")
    hidden = convolved(hidden, weights, f"{name}.depthwise", groups=hidden.shape[1])
    half = hidden.shape[1] // 2
    passed = 0.5 * hidden[:, :half] * (1 + torch.erf(hidden[:, :half] / 2**0.5))  # GELU
    return convolved(passed * hidden[:, half:], weights, f"{name}.output")
