"""Polyblur: mild blur, estimated from the image's own gradients and undone by reblurring."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from deblurbench.classical.base import Method
from deblurbench.classical.fourier import cropped, filtered, mirrored_frame, transfer_function
from deblurbench.registry import CLASSICAL, PositiveFloat, PositiveInt

# Delbracio et al. 2021, section III: the strongest gradient of a sharp photograph, and the blur that it has all the same.
STRONGEST_GRADIENT, SHARP_SIGMA = 0.352, 0.768
SMALLEST_SIGMA, LARGEST_SIGMA = 0.3, 4.0
ANGLES = 6  # directions in which gradients are measured
FINE_ANGLES = 30  # among which the direction of the strongest blur is sought
OUTLIERS = 1e-4  # the share of darkest and of brightest pixels that do not set the range


def estimate_blur(image: Tensor) -> tuple[float, float, float]:
    """The Gaussian blur of `image` (3, H, W): its largest standard deviation, the one across, and the angle of the first.

    In pixels and radians. An edge that is ideal once normalised has its strongest gradient where blur is weakest: the
    maximum of the directional derivative, f, gives sigma^2 = c^2 / f^2 - b^2 (equation 13).
    """
    grey = image.mean(dim=0).cpu()  # a few passes over one channel: not worth what accelerators lack
    # `kthvalue`, because `quantile` refuses images of more than 16 million pixels.
    rank = max(int(OUTLIERS * grey.numel()), 1)
    low, high = grey.flatten().kthvalue(rank).values, grey.flatten().kthvalue(grey.numel() + 1 - rank).values
    normalized = ((grey - low) / (high - low).clamp(min=1e-3)).clamp(0, 1)
    down, right = _gradients(normalized[None])
    angles = torch.arange(ANGLES) * (math.pi / ANGLES)
    strongest = torch.stack([(angle.cos() * right + angle.sin() * down).abs().max() for angle in angles]).double()
    fine = torch.arange(FINE_ANGLES) * (math.pi / FINE_ANGLES)
    gradients = _interpolated(strongest, fine)
    weakest = int(gradients.argmin())
    across = (weakest + FINE_ANGLES // 2) % FINE_ANGLES
    return _sigma(float(gradients[weakest])), _sigma(float(gradients[across])), float(fine[weakest])


def polynomial_deconvolution(image: Tensor, kernel: Tensor, alpha: float, beta: float) -> Tensor:
    """A polynomial of the blur K in place of its inverse, on (B, C, H, W), taken as periodic (algorithm 4).

    (alpha / 2 - beta + 2) K^3 + (3 beta - alpha - 6) K^2 + (5 - 3 beta + alpha / 2) K + beta: an inverse near the
    frequencies that K passes, boosting middle ones by `alpha`, and `beta` where K passes nothing.
    """
    response = transfer_function(kernel, *image.shape[-2:])
    inverse = ((alpha / 2 - beta + 2) * response + (3 * beta - alpha - 6)) * response + (5 - 3 * beta + alpha / 2)
    return filtered(image, inverse * response + beta)


@CLASSICAL.register("polyblur")
class Polyblur(Method):
    """Blind removal of mild blur (Delbracio et al. 2021): estimated as a Gaussian of any direction and undone.

    `iterations` times; where that reverses a gradient of the image, a halo, the image is kept as it was.
    """

    def __init__(self, *, iterations: PositiveInt = 1, alpha: PositiveFloat = 6.0, beta: PositiveFloat = 1.0) -> None:
        self.iterations, self.alpha, self.beta = iterations, alpha, beta

    def __call__(self, blurred: Tensor, kernel: Tensor | None) -> Tensor:
        return torch.cat([self._restored(image[None]) for image in blurred])

    def _restored(self, image: Tensor) -> Tensor:
        for _ in range(self.iterations):
            kernel = oriented_gaussian(*estimate_blur(image[0])).to(image)
            margin = kernel.shape[0]
            framed = mirrored_frame(image, margin)
            sharper = cropped(polynomial_deconvolution(framed, kernel, self.alpha, self.beta), margin)
            image = _without_halos(image, sharper).clamp(0, 1)
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
    return min(max(math.sqrt(max(variance, 0)), SMALLEST_SIGMA), LARGEST_SIGMA)


def _interpolated(values: Tensor, angles: Tensor) -> Tensor:
    """A function with period pi, known at `values.numel()` even angles, at `angles`: through its Fourier series."""
    count = values.numel()
    coefficients = torch.fft.rfft(values) / count
    coefficients[1 : (count + 1) // 2] *= 2
    phases = 2 * angles.double()[:, None] * torch.arange(coefficients.numel())
    return (coefficients * torch.polar(torch.ones_like(phases), phases)).real.sum(dim=1)


def _gradients(image: Tensor) -> tuple[Tensor, Tensor]:
    """Derivatives of (C, H, W) down and to the right, by central differences."""
    framed = F.pad(image, (1, 1, 1, 1), mode="replicate")
    down = (framed[..., 2:, 1:-1] - framed[..., :-2, 1:-1]) / 2
    return down, (framed[..., 1:-1, 2:] - framed[..., 1:-1, :-2]) / 2


def _without_halos(image: Tensor, sharper: Tensor) -> Tensor:
    """`sharper`, and `image` in its place where their gradients point apart (algorithm 5)."""
    (down, right), (sharper_down, sharper_right) = _gradients(image[0]), _gradients(sharper[0])
    opposed = -(down * sharper_down + right * sharper_right)
    share = (opposed / (down.square() + right.square() + opposed).clamp(min=1e-12)).clamp(0, 1)
    return torch.where(opposed > 0, share * image + (1 - share) * sharper, sharper)
