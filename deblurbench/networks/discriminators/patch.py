"""A patch discriminator with spectral normalisation."""

from __future__ import annotations

import itertools
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import _SpectralNorm
from torch.nn.utils.parametrize import register_parametrization

from deblurbench.registry import DISCRIMINATORS, PositiveInt

Normalization = Literal["spectral", "instance", "none"]


@DISCRIMINATORS.register("patch")
class PatchDiscriminator(nn.Module):
    """PatchGAN (`patchgan`; Isola et al. 2017) with one convolution fewer, half the width and spectral normalisation.

    (B, in_channels, H, W) -> one map of scores (B, 1, H / 2^layers, W / 2^layers). Spectral normalisation (Miyato et al.
    2018) bounds the Lipschitz constant; "instance" is instance normalisation with affine parameters, and "none" leaves
    regularisation to a gradient penalty. With the default three layers the receptive field is 38 x 38 pixels.
    """

    def __init__(
        self,
        *,
        in_channels: int = 3,
        width: PositiveInt = 32,
        layers: PositiveInt = 3,
        normalization: Normalization = "spectral",
    ) -> None:
        super().__init__()
        widths = [in_channels, *(width * 2 ** min(index, 3) for index in range(layers))]
        stages: list[nn.Module] = []
        for index, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
            stages.append(_convolution(inputs, outputs, 4, normalization, stride=2))
            if normalization == "instance" and index:
                stages.append(nn.InstanceNorm2d(outputs, affine=True))
            stages.append(nn.LeakyReLU(0.2))
        self.stages = nn.Sequential(*stages)
        self.score = _convolution(widths[-1], 1, 3, normalization)

    def forward(self, image: Tensor) -> list[Tensor]:
        features = self.stages(image)  # (B, C, H / 2^layers, W / 2^layers)
        return [self.score(features)]


class _Spectral(_SpectralNorm):
    """PyTorch's spectral normalisation; on the device "meta" only its shapes, since its operations take a second to import."""

    def __init__(self, weight: Tensor) -> None:
        if not weight.is_meta:
            super().__init__(weight)
            return
        nn.Module.__init__(self)
        self.dim, self.eps, self.n_power_iterations = 0, 1e-12, 1  # the defaults
        for name, size in (("_u", weight.shape[0]), ("_v", weight[0].numel())):
            self.register_buffer(name, weight.new_empty(size))

    def forward(self, weight: Tensor) -> Tensor:
        normalized: Tensor = weight.clone() if weight.is_meta else super().forward(weight)
        return normalized


class _SpectralConvolution(nn.Conv2d):
    """A convolution that can be pickled after `spectral_norm`, unlike PyTorch's own."""

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return _unpickled, (self.__dict__,)


def _unpickled(state: dict[str, Any]) -> nn.Module:
    with torch.device("meta"):  # all of its state is replaced
        layer = _spectral_convolution(1, 1, 1)
    layer.__dict__.update(state)
    return layer


def _convolution(in_channels: int, out_channels: int, size: int, normalization: str, stride: int = 1) -> nn.Module:
    if normalization == "spectral":
        return _spectral_convolution(in_channels, out_channels, size, stride=stride, padding=1)
    return nn.Conv2d(in_channels, out_channels, size, stride=stride, padding=1)


def _spectral_convolution(in_channels: int, out_channels: int, size: int, stride: int = 1, padding: int = 0) -> nn.Module:
    layer = _SpectralConvolution(in_channels, out_channels, size, stride=stride, padding=padding)
    register_parametrization(layer, "weight", _Spectral(layer.weight))
    return layer
