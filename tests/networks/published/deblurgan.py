"""DeblurGAN (Kupyn et al. 2018): generator, critic and content loss, as its code had them when the paper appeared.

Its blocks lost their second convolution in 2019, by the precedence of an `if`; the paper's have two.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Weights = Iterator[tuple[Tensor, Tensor]]  # weight and bias of each convolution, in the order of the published Sequential


def in_order(network: nn.Module) -> Weights:
    """The weights of our convolutions: they are made in the published order."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            assert layer.bias is not None
            yield layer.weight.detach(), layer.bias.detach()


def to_symmetric(images: Tensor) -> Tensor:
    """From [0, 1] to the [-1, 1] of their loader: (x - 0.5) / 0.5."""
    return (images - 0.5) / 0.5


def instance_norm(features: Tensor) -> Tensor:
    mean = features.mean(dim=(2, 3), keepdim=True)
    variance = ((features - mean) ** 2).mean(dim=(2, 3), keepdim=True)
    return (features - mean) / torch.sqrt(variance + 1e-5)


def reflect(features: Tensor, by: int) -> Tensor:
    """Each border mirrored, without its outermost row or column."""
    left, right = features[..., 1 : by + 1].flip(3), features[..., -by - 1 : -1].flip(3)
    features = torch.cat([left, features, right], dim=3)
    top, bottom = features[..., 1 : by + 1, :].flip(2), features[..., -by - 1 : -1, :].flip(2)
    return torch.cat([top, features, bottom], dim=2)


def generator(image: Tensor, weights: Weights, blocks: int) -> Tensor:
    """(B, 3, H, W) in [-1, 1] -> restored, in [-1, 1]; dropout is the identity, as outside training."""
    features = F.relu(instance_norm(F.conv2d(reflect(image, 3), *next(weights))))
    for _ in range(2):
        features = F.relu(instance_norm(F.conv2d(features, *next(weights), stride=2, padding=1)))
    for _ in range(blocks):
        hidden = F.relu(instance_norm(F.conv2d(reflect(features, 1), *next(weights))))
        features = features + instance_norm(F.conv2d(reflect(hidden, 1), *next(weights)))
    for _ in range(2):
        doubled = F.conv_transpose2d(features, *next(weights), stride=2, padding=1, output_padding=1)
        features = F.relu(instance_norm(doubled))
    residual = torch.tanh(F.conv2d(reflect(features, 3), *next(weights)))
    return torch.clamp(image + residual, min=-1, max=1)


def critic(image: Tensor, weights: Weights, layers: int) -> Tensor:
    """(B, 3, H, W) in [-1, 1] -> scores; `layers` is `n_layers`, 3 in DeblurGAN and in DeblurGAN-v2's patch critic."""
    features = F.leaky_relu(F.conv2d(image, *next(weights), stride=2, padding=2), 0.2)
    for _ in range(1, layers):
        features = F.leaky_relu(instance_norm(F.conv2d(features, *next(weights), stride=2, padding=2)), 0.2)
    features = F.leaky_relu(instance_norm(F.conv2d(features, *next(weights), stride=1, padding=2)), 0.2)
    return F.conv2d(features, *next(weights), stride=1, padding=2)


def conv3_3(images: Tensor, weights: Weights) -> Tensor:
    """VGG19 up to and with conv3_3: two convolutions, two, three, with pooling between."""
    features = images
    for count in (2, 2, 2):
        for _ in range(count):
            features = F.relu(F.conv2d(features, *next(weights), padding=1))
        features = F.max_pool2d(features, 2) if features.shape[1] < 256 else features
    return F.conv2d(features, *next(weights), padding=1)


def perceptual_loss(restored: Tensor, sharp: Tensor, vgg: nn.Module) -> Tensor:
    """Of images in [-1, 1], as they are; what they multiply by 100."""
    return ((conv3_3(restored, in_order(vgg)) - conv3_3(sharp, in_order(vgg))) ** 2).mean()
