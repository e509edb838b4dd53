"""Structural similarity, in the variants of published tables."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor
from torch.nn import functional as F

from deblurbench.metrics.base import HIGHER, Metric
from deblurbench.metrics.filters import GAUSSIAN_SIZE, gaussian_taps, separable_filter
from deblurbench.metrics.strips import mean_in_strips
from deblurbench.registry import METRICS

C1, C2 = 0.01**2, 0.03**2


class StructuralSimilarity(Metric):
    """The base of all variants: similarity from local means, variances and covariance under a window."""

    direction = HIGHER
    decimals = 4
    best = 1.0
    sample_scale = 1.0  # factor of variances: N / (N - 1) for sample covariance

    def __call__(self, restored: Tensor, sharp: Tensor) -> Tensor:
        self.require_size(sharp)
        return mean_in_strips(self.similarity, self.pad(restored), self.pad(sharp), overlap=self.window - 1)

    @property
    @abstractmethod
    def window(self) -> int:
        """The side of the window in pixels."""

    @abstractmethod
    def local_mean(self, images: Tensor) -> Tensor:
        """Average under the window: (B, C, H, W) -> (B, C, H - window + 1, W - window + 1)."""

    def pad(self, images: Tensor) -> Tensor:
        """Pad `images` for windows across their borders; by default only windows within them count."""
        return images

    def similarity(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the similarity map (B, C, H - window + 1, W - window + 1)."""
        luminance, contrast_structure = self.factors(x, y)
        return luminance.mul_(contrast_structure)

    def factors(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the maps of luminance and of contrast times structure; in place, because memory is the bottleneck."""
        mean_x, mean_y = self.local_mean(x), self.local_mean(y)
        mean_squares, mean_product = self.local_mean((x * x).addcmul_(y, y)), self.local_mean(x * y)
        product_of_means, squared_means = mean_x * mean_y, mean_x.square_().addcmul_(mean_y, mean_y)
        covariance = mean_product.sub_(product_of_means).mul_(self.sample_scale)
        variances = mean_squares.sub_(squared_means).mul_(self.sample_scale)  # of both, added
        luminance = product_of_means.mul_(2).add_(C1).div_(squared_means.add_(C1))
        return luminance, covariance.mul_(2).add_(C2).div_(variances.add_(C2))


@METRICS.register("ssim")
class SSIM(StructuralSimilarity):
    """SSIM (Wang et al. 2004): Gaussian window of 11 pixels, sigma 1.5, per channel, valid borders, mean.

    The same as scikit-image's `structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False)`.
    Raises ValueError for images smaller than the window.
    """

    label = "SSIM"
    explanation = "Structural similarity: agreement of local brightness, contrast and structure; 1 for identical images."
    window = smallest_side = GAUSSIAN_SIZE

    def local_mean(self, images: Tensor) -> Tensor:
        return separable_filter(images, gaussian_taps())


@METRICS.register("ssim-uniform")
class UniformSSIM(StructuralSimilarity):
    """SSIM with scikit-image's defaults: a uniform window of 7 pixels and sample covariance, per channel.

    Raises ValueError for images smaller than the window.
    """

    label = "SSIM (7x7 uniform)"
    explanation = (
        "Structural similarity by scikit-image's defaults: local brightness, contrast and structure; 1 for identical images."
    )
    window = smallest_side = 7
    sample_scale = 49 / 48

    def local_mean(self, images: Tensor) -> Tensor:
        return separable_filter(images, torch.full((self.window,), 1 / self.window, dtype=torch.float64))


@METRICS.register("ssim-3d")
class VolumeSSIM(StructuralSimilarity):
    """SSIM as MATLAB's `ssim` treats an RGB image, as a volume: a Gaussian window of 11x11x11 over rows, columns and
    channels, borders replicated. It is the SSIM of the GoPro tables of Restormer, MPRNet and NAFNet.
    """

    label = "SSIM (3-D)"
    explanation = (
        "Structural similarity as in GoPro tables: brightness, contrast and structure across channels; 1 for identical images."
    )
    window = GAUSSIAN_SIZE

    def pad(self, images: Tensor) -> Tensor:
        margin = self.window // 2
        return F.pad(images, (margin, margin, margin, margin), mode="replicate")

    def local_mean(self, images: Tensor) -> Tensor:
        mixing = _channel_mixing(images.shape[1]).to(images.device)
        return torch.einsum("dc,bchw->bdhw", mixing, separable_filter(images, gaussian_taps()))


def _channel_mixing(channels: int) -> Tensor:
    """Return the window along the channels as a matrix (C, C), with the first and the last channel replicated."""
    mixing = torch.zeros(channels, channels, dtype=torch.float64)
    taps = gaussian_taps()
    for channel in range(channels):
        for offset, tap in enumerate(taps):
            mixing[channel, min(max(channel + offset - GAUSSIAN_SIZE // 2, 0), channels - 1)] += tap
    return mixing
