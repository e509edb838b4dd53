"""Polyblur: mild blur, estimated from the gradients of the image and removed by polynomial reblurring."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from deblurbench.classical.base import Method
from deblurbench.classical.fourier import apply_filter, crop_margin, pad_margin, transfer_function
from deblurbench.registry import CLASSICAL, PositiveFloat, PositiveInt

# Delbracio et al. 2021, section III: the strongest gradient of a sharp photograph, and the blur that even this has.
STRONGEST_GRADIENT, SHARP_SIGMA = 0.352, 0.768
MIN_SIGMA, MAX_SIGMA = 0.3, 4.0
ANGLES = 6  # directions in which gradients are measured
FINE_ANGLES = 30  # directions among which that of the strongest blur is chosen
OUTLIERS = 1e-4  # the fraction of the darkest and of the brightest pixels that the normalisation ignores


def estimate_blur(image: Tensor) -> tuple[float, float, float]:
    """Estimate the Gaussian blur of `image` (3, H, W): standard deviations along and across, and the angle of the first.

    In pixels and radians. An edge that is ideal once normalised has its strongest gradient where blur is weakest: the
    maximum of the directional derivative, f, gives sigma^2 = c^2 / f^2 - b^2 (equation 13).
    """
    grey = image.mean(dim=0).cpu()  # (H, W); on the CPU, because not every accelerator has `kthvalue`
    # `kthvalue`, because `quantile` refuses images of more than 16 million pixels.
    rank = max(int(OUTLIERS * grey.numel()), 1)
    low, high = grey.flatten().kthvalue(rank).values, grey.flatten().kthvalue(grey.numel() + 1 - rank).values
    normalized = ((grey - low) / (high - low).clamp(min=1e-3)).clamp(0, 1)
    down, right = _gradients(normalized[None])
    angles = torch.arange(ANGLES) * (math.pi / ANGLES)
    strongest = torch.stack([(angle.cos() * right + angle.sin() * down).abs().max() for angle in angles]).double()
    fine = torch.arange(FINE_ANGLES) * (math.pi / FINE_ANGLES)
    gradients = _interpolate_periodic(strongest, fine)
    weakest = int(gradients.argmin())
    across = (weakest + FINE_ANGLES // 2) % FINE_ANGLES
    return _sigma(float(gradients[weakest])), _sigma(float(gradients[across])), float(fine[weakest])


def polynomial_deconvolution(image: Tensor, kernel: Tensor, alpha: float, beta: float) -> Tensor:
    """Apply a polynomial of the blur K that approximates its inverse to periodic (B, C, H, W) (algorithm 4).

    (alpha / 2 - beta + 2) K^3 + (3 beta - alpha - 6) K^2 + (5 - 3 beta + alpha / 2) K + beta: an inverse near the
    frequencies that K passes, boosting middle ones by `alpha`, and `beta` where K passes nothing.
    """
    response = transfer_function(kernel, *image.shape[-2:])
    inverse = ((alpha / 2 - beta + 2) * response + (3 * beta - alpha - 6)) * response + (5 - 3 * beta + alpha / 2)
    return apply_filter(image, inverse * response + beta)


@CLASSICAL.register("polyblur")
class Polyblur(Method):
    """Blind removal of mild blur (Delbracio et al. 2021), which is estimated as an anisotropic Gaussian.

    Repeated `iterations` times; where it would reverse a gradient, a halo, the image is kept as it was.
    """

    def __init__(self, *, iterations: PositiveInt = 1, alpha: PositiveFloat = 6.0, beta: PositiveFloat = 1.0) -> None:
        self.iterations, self.alpha, self.beta = iterations, alpha, beta

    def __call__(self, blurred: Tensor, kernel: Tensor | None) -> Tensor:
        return torch.cat([self._restore(image[None]) for image in blurred])

    def _restore(self, image: Tensor) -> Tensor:
        for _ in range(self.iterations):
            kernel = oriented_gaussian(*estimate_blur(image[0])).to(image)
            margin = kernel.shape[0]
            padded = pad_margin(image, margin)  # (1, 3, H + 2 margin, W + 2 margin)
            sharper = crop_margin(polynomial_deconvolution(padded, kernel, self.alpha, self.beta), margin)  # (1, 3, H, W)
            image = _remove_halos(image, sharper).clamp(0, 1)
        return image


def oriented_gaussian(along: float, across: float, angle: float) -> Tensor:
    """A Gaussian (2r + 1, 2r + 1) of standard deviation `along` the direction `angle`, and `across` it; it sums to one."""
    radius = math.ceil(4 * max(along, across))
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float64)
    down, right = offsets[:, None], offsets[None]
    first = right * math.cos(angle) + down * math.sin(angle)
    second = down * math.cos(angle) - right * math.sin(angle)
    weights = torch.exp(-0.5 * ((first / along) ** 2 + (second / across) ** 2))
    return (weights / weights.sum()).to(torch.float32)


def _sigma(strongest: float) -> float:
    variance = (STRONGEST_GRADIENT / max(strongest, 1e-6)) ** 2 - SHARP_SIGMA**2
    return min(max(math.sqrt(max(variance, 0)), MIN_SIGMA), MAX_SIGMA)


def _interpolate_periodic(values: Tensor, angles: Tensor) -> Tensor:
    """Interpolate a function of period pi from `values` (N,) at N equidistant angles to `angles` (M,) by its Fourier series."""
    count = values.numel()
    coefficients = torch.fft.rfft(values) / count
    coefficients[1 : (count + 1) // 2] *= 2
    phases = 2 * angles.double()[:, None] * torch.arange(coefficients.numel())  # (M, N // 2 + 1)
    return (coefficients * torch.polar(torch.ones_like(phases), phases)).real.sum(dim=1)


def _gradients(image: Tensor) -> tuple[Tensor, Tensor]:
    """Derivatives of (C, H, W) down and to the right, by central differences."""
    padded = F.pad(image, (1, 1, 1, 1), mode="replicate")  # (C, H + 2, W + 2)
    down = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2  # (C, H, W)
    return down, (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2


def _remove_halos(image: Tensor, sharper: Tensor) -> Tensor:
    """Blend `image` into `sharper`, both (1, 3, H, W), where their gradients are opposed (algorithm 5)."""
    (down, right), (sharper_down, sharper_right) = _gradients(image[0]), _gradients(sharper[0])
    opposed = -(down * sharper_down + right * sharper_right)
    weight = (opposed / (down.square() + right.square() + opposed).clamp(min=1e-12)).clamp(0, 1)
    return torch.where(opposed > 0, weight * image + (1 - weight) * sharper, sharper)
