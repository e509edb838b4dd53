"""A patch discriminator with spectral normalisation."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from deblurbench.registry import DISCRIMINATORS, PositiveInt

Normalization = Literal["spectral", "instance", "none"]


@DISCRIMINATORS.register("patch")
class PatchDiscriminator(nn.Module):
    """After PatchGAN (`patchgan`; Isola et al. 2017), but a convolution shorter, half as wide and with spectral normalisation.

    (B, in_channels, H, W) -> one map of scores (B, 1, H / 2^layers, W / 2^layers). Spectral normalisation (Miyato et al.
    2018) keeps it Lipschitz without a norm over the batch; "instance" normalises each image's features, with learned scale
    and shift, and "none" leaves that to a gradient penalty. With the default three layers each score sees 38 x 38 pixels.
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
        before = in_channels
        stages: list[nn.Module] = []
        for place in range(layers):
            after = width * 2 ** min(place, 3)
            stages.append(_convolution(before, after, 4, normalization, stride=2))
            if normalization == "instance" and place:
                stages.append(nn.InstanceNorm2d(after, affine=True))
            stages.append(nn.LeakyReLU(0.2))
            before = after
        self.stages = nn.Sequential(*stages)
        self.score = _convolution(before, 1, 3, normalization)

    def forward(self, image: Tensor) -> list[Tensor]:
        return [self.score(self.stages(image))]


class _SpectralConvolution(nn.Conv2d):
    """A convolution to be normalised by `spectral_norm`, which can then be pickled, as PyTorch's own cannot."""

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return _unpickled, (self.__dict__,)


def _unpickled(content: dict[str, Any]) -> nn.Module:
    with torch.device("meta"):  # what it is made with is replaced by what it was
        layer = spectral_norm(_SpectralConvolution(1, 1, 1))
    layer.__dict__.update(content)
    return layer


def _convolution(before: int, after: int, size: int, normalization: str, stride: int = 1) -> nn.Module:
    if normalization == "spectral":
        return spectral_norm(_SpectralConvolution(before, after, size, stride=stride, padding=1))
    return nn.Conv2d(before, after, size, stride=stride, padding=1)
