"""DeblurGAN-v2 on a MobileNet (Kupyn et al. 2019): generator and content loss. Its critics are DeblurGAN's, of 3 and 5 layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.networks.published.deblurgan import conv3_3, in_order, instance_norm

Weights = dict[str, Tensor]
# MobileNetV2's blocks: expansion, channels and stride of each, up to the last that the pyramid takes (features[1:16]).
BLOCKS = [
    (1, 16, 1),
    (6, 24, 2), (6, 24, 1),
    (6, 32, 2), (6, 32, 1), (6, 32, 1),
    (6, 64, 2), (6, 64, 1), (6, 64, 1), (6, 64, 1),
    (6, 96, 1), (6, 96, 1), (6, 96, 1),
    (6, 160, 2), (6, 160, 1),
]  # fmt: skip
TAKEN = (1, 3, 6, 10, 15)  # the output of features[i] goes to the next level of the pyramid


def generator(image: Tensor, weights: Weights, training: bool) -> Tensor:
    """(B, 3, H, W) in [-1, 1] -> restored, in [-1, 1]; `weights` by our names."""

    def convolution(features: Tensor, name: str, **how: int) -> Tensor:
        return F.conv2d(features, weights[f"{name}.weight"], weights.get(f"{name}.bias"), **how)

    def smooth(features: Tensor, name: str) -> Tensor:
        return F.relu(instance_norm(convolution(features, f"{name}.0", padding=1)))

    def head(features: Tensor, name: str) -> Tensor:
        return F.relu(convolution(F.relu(convolution(features, f"{name}.0", padding=1)), f"{name}.2", padding=1))

    encoded = mobilenet(image, weights, training)
    lateral = [convolution(features, f"laterals.{level}") for level, features in enumerate(encoded)]
    map4 = lateral[4]
    map3 = smooth(lateral[3] + doubled(map4, 1), "merges.2")
    map2 = smooth(lateral[2] + doubled(map3, 1), "merges.1")
    map1 = smooth(lateral[1] + doubled(map2, 1), "merges.0")
    maps = [doubled(head(features, f"heads.{place}"), place) for place, features in enumerate((map1, map2, map3, map4))]
    # Theirs joins the coarsest first, ours last.
    coarsest_first = torch.cat(weights["smooth.0.weight"].chunk(4, dim=1)[::-1], dim=1)
    joined = F.conv2d(torch.cat(maps[::-1], dim=1), coarsest_first, weights["smooth.0.bias"], padding=1)
    smoothed = F.relu(instance_norm(joined))
    smoothed = smooth(doubled(smoothed, 1) + lateral[0], "smooth_again")
    residual = torch.tanh(convolution(doubled(smoothed, 1), "output", padding=1))
    return torch.clamp(residual + image, min=-1, max=1)


def doubled(features: Tensor, times: int) -> Tensor:
    """Each feature repeated, 2^times times a side."""
    return features.repeat_interleave(2**times, dim=2).repeat_interleave(2**times, dim=3)


def mobilenet(image: Tensor, weights: Weights, training: bool) -> list[Tensor]:
    """MobileNetV2 (Sandler et al. 2018): the features that the pyramid takes, at 1/2 to 1/32 of the size."""

    def step(features: Tensor, convolution: str, norm: str, activate: bool = True, **how: int) -> Tensor:
        features = F.conv2d(features, weights[f"{convolution}.weight"], **how)
        mean, variance = weights[f"{norm}.running_mean"], weights[f"{norm}.running_var"]
        if training:
            mean, variance = features.mean(dim=(0, 2, 3)), features.var(dim=(0, 2, 3), unbiased=False)
        features = (features - mean[:, None, None]) / torch.sqrt(variance[:, None, None] + 1e-5)
        features = features * weights[f"{norm}.weight"][:, None, None] + weights[f"{norm}.bias"][:, None, None]
        return features.clamp(0, 6) if activate else features

    features = step(image, "encoder.0.0.0", "encoder.0.0.1", stride=2, padding=1)
    taken: list[Tensor] = []
    for index, (expansion, channels, stride) in enumerate(BLOCKS, start=1):
        layers, hidden = f"encoder.{len(taken)}.{index}.conv", features
        if expansion > 1:
            hidden = step(hidden, f"{layers}.0.0", f"{layers}.0.1")
        depthwise = 1 if expansion > 1 else 0
        how = {"stride": stride, "padding": 1, "groups": hidden.shape[1]}
        hidden = step(hidden, f"{layers}.{depthwise}.0", f"{layers}.{depthwise}.1", **how)
        hidden = step(hidden, f"{layers}.{depthwise + 1}", f"{layers}.{depthwise + 2}", activate=False)
        features = features + hidden if stride == 1 and features.shape[1] == channels else hidden
        if index in TAKEN:
            taken.append(features)
    return taken


def content_losses(restored: Tensor, sharp: Tensor, vgg: nn.Module) -> tuple[Tensor, Tensor]:
    """Of images in [-1, 1], normalised as those of ImageNet: of VGG features and of the same tensors themselves.

    Their code normalises the first image of a batch, which is all that it trains with; here every image is.
    """
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]).double(), torch.tensor([0.229, 0.224, 0.225]).double()
    restored, sharp = (((images + 1) / 2 - mean[:, None, None]) / deviation[:, None, None] for images in (restored, sharp))
    features = conv3_3(restored, in_order(vgg)) - conv3_3(sharp, in_order(vgg))
    return (features**2).mean(), ((restored - sharp) ** 2).mean()
