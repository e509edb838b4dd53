"""Structural similarity, in the ways that published tables compute it."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor
from torch.nn import functional as F

from deblurbench.metrics.base import Metric
from deblurbench.metrics.filters import GAUSSIAN_SIZE, gaussian_taps, separable_filter
from deblurbench.metrics.strips import mean_in_strips
from deblurbench.registry import METRICS

C1, C2 = 0.01**2, 0.03**2


class StructuralSimilarity(Metric):
    """What all ways share: local means, variances and covariance under a window, and what is made of them."""

    decimals = 4
    best = 1.0
    sample_scale = 1.0  # what variances are multiplied by

    def __call__(self, restored: Tensor, sharp: Tensor) -> Tensor:
        self.require_size(sharp)
        return mean_in_strips(self.similarity, self.bordered(restored), self.bordered(sharp), overlap=self.window - 1)

    @property
    @abstractmethod
    def window(self) -> int:
        """Pixels a side."""

    @abstractmethod
    def local_mean(self, images: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H - window + 1, W - window + 1)."""

    def bordered(self, images: Tensor) -> Tensor:
        """`images` with what the window needs beyond their borders: by default nothing, whole windows only."""
        return images

    def similarity(self, x: Tensor, y: Tensor) -> Tensor:
        """The map (B, C, H - window + 1, W - window + 1)."""
        luminance, contrast_structure = self.factors(x, y)
        return luminance.mul_(contrast_structure)

    def factors(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The maps of luminance and of contrast times structure. In place, because memory is what takes the time."""
        mean_x, mean_y = self.local_mean(x), self.local_mean(y)
        mean_squares, mean_product = self.local_mean((x * x).addcmul_(y, y)), self.local_mean(x * y)
        product_of_means, squared_means = mean_x * mean_y, mean_x.square_().addcmul_(mean_y, mean_y)
        covariance = mean_product.sub_(product_of_means).mul_(self.sample_scale)
        variances = mean_squares.sub_(squared_means).mul_(self.sample_scale)  # of both, added
        luminance = product_of_means.mul_(2).add_(C1).div_(squared_means.add_(C1))
        return luminance, covariance.mul_(2).add_(C2).div_(variances.add_(C2))


@METRICS.register("ssim")
class SSIM(StructuralSimilarity):
    """SSIM (Wang et al. 2004): Gaussian window of 11 pixels, sigma 1.5, each channel by itself, valid borders, mean.

    The same as scikit-image's `structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False)`.
    Raises ValueError for images smaller than the window.
    """

    label = "SSIM"
    window = smallest_side = GAUSSIAN_SIZE

    def local_mean(self, images: Tensor) -> Tensor:
        return separable_filter(images, gaussian_taps())


@METRICS.register("ssim-uniform")
class UniformSSIM(StructuralSimilarity):
    """SSIM with scikit-image's defaults: a uniform window of 7 pixels and sample covariance, each channel by itself.

    Raises ValueError for images smaller than the window.
    """

    label = "SSIM (7x7 uniform)"
    window = smallest_side = 7
    sample_scale = 49 / 48

    def local_mean(self, images: Tensor) -> Tensor:
        return separable_filter(images, torch.full((self.window,), 1 / self.window, dtype=torch.float64))


@METRICS.register("ssim-3d")
class VolumeSSIM(StructuralSimilarity):
    """SSIM as MATLAB's `ssim` computes it of an RGB image, taken for a volume: a Gaussian window of 11x11x11 over rows,
    columns and channels, borders replicated. GoPro tables of Restormer, MPRNet and NAFNet are made so.
    """

    label = "SSIM (3-D)"
    window = GAUSSIAN_SIZE

    def bordered(self, images: Tensor) -> Tensor:
        margin = self.window // 2
        return F.pad(images, (margin, margin, margin, margin), mode="replicate")

    def local_mean(self, images: Tensor) -> Tensor:
        mixing = _channel_mixing(images.shape[1]).to(images.device)
        return torch.einsum("dc,bchw->bdhw", mixing, separable_filter(images, gaussian_taps()))


def _channel_mixing(channels: int) -> Tensor:
    """(C, C): the window along the channels, the first and the last of which stand for all beyond them."""
    mixing = torch.zeros(channels, channels, dtype=torch.float64)
    taps = gaussian_taps()
    for channel in range(channels):
        for place, tap in enumerate(taps):
            mixing[channel, min(max(channel + place - GAUSSIAN_SIZE // 2, 0), channels - 1)] += tap
    return mixing
