"""Errors of the restored image by spatial frequency."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from deblurbench.metrics.base import LOWER, ZERO, SharedMetric, luma, require_pair
from deblurbench.registry import METRICS

NYQUIST = 0.5  # cycles a pixel
FINE = NYQUIST / 2  # the lowest frequency of fine detail
SMALLEST = 8  # pixels a side
RINGS = 32  # of equal width, from 0 to NYQUIST
ROUNDING_NOISE = (1 / 255) ** 2 / 12  # the variance of 8-bit rounding, the noise floor of every spectrum


class Spectra(NamedTuple):
    """Power spectra (B, F) of two batches, and the frequencies (F,) in cycles per pixel; those above NYQUIST are left out.

    A frequency and its negative share one entry, with the power of both.
    """

    restored: Tensor
    sharp: Tensor
    frequency: Tensor


def power_spectra(restored: Tensor, sharp: Tensor) -> Spectra:
    """Compute power spectra of luma, (B, C, H, W) twice, under a Hann window, which suppresses the borders."""
    pair = require_pair(restored, sharp)
    height, width = restored.shape[-2:]
    device = restored.device
    window = torch.outer(_hann(height), _hann(width)).to(device)
    frequency = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)).to(device)  # (H, W // 2 + 1)
    inside = frequency <= NYQUIST
    multiplicity = _column_multiplicity(width).to(device).expand_as(frequency)[inside]
    powers = []
    for images in pair:
        grey = luma(images)[:, 0]  # (B, H, W)
        centred = grey - grey.mean(dim=(-2, -1), keepdim=True)
        power = torch.fft.rfft2(centred * window).abs().square() / window.square().sum()  # noise of variance v has power v
        powers.append((power[:, inside] + ROUNDING_NOISE) * multiplicity)  # (B, F)
    return Spectra(powers[0], powers[1], frequency[inside])


class SpectralMetric(SharedMetric):
    """A metric of power spectra, in dB. Raises ValueError for images smaller than 8x8."""

    decimals = 2
    best = 0.0
    smallest_side = SMALLEST
    intermediate = staticmethod(power_spectra)


@METRICS.register("spectrum-error")
class SpectrumError(SpectralMetric):
    """Radial power-spectrum error in dB: |10 log10| of restored over sharp power, the mean over 32 rings of frequency.

    Residual blur, hallucinated texture and noise all raise it.
    """

    label = "spectrum error (dB)"
    explanation = "How far the strength of detail of every size is from that of the sharp image, too weak or too strong."
    direction = LOWER

    def reduce(self, intermediate: Spectra) -> Tensor:
        ring = (intermediate.frequency / NYQUIST * RINGS).long().clamp(max=RINGS - 1)
        restored, sharp = (
            torch.zeros(len(power), RINGS, dtype=power.dtype, device=power.device).index_add_(1, ring, power)  # (B, RINGS)
            for power in (intermediate.restored, intermediate.sharp)
        )
        filled = sharp[0] > 0  # small images leave rings empty
        return _decibels(restored[:, filled] / sharp[:, filled]).abs().mean(dim=1)


@METRICS.register("fine-detail")
class FineDetail(SpectralMetric):
    """High-frequency energy of the restored image over that of the sharp one, in dB, from half of Nyquist on.

    Below 0 it is too smooth, above 0 it has noise, ringing or hallucinated texture.
    """

    label = "fine detail (dB)"
    explanation = "Energy of the finest detail over that of the sharp image: below 0 too smooth, above 0 noise or invention."
    direction = ZERO

    def reduce(self, intermediate: Spectra) -> Tensor:
        fine = intermediate.frequency >= FINE
        return _decibels(intermediate.restored[:, fine].sum(dim=1) / intermediate.sharp[:, fine].sum(dim=1))


def _column_multiplicity(width: int) -> Tensor:
    """Return how many columns of the full spectrum each of rfft2's counts for: two, but one at zero and at Nyquist."""
    counts = torch.full((width // 2 + 1,), 2.0, dtype=torch.float64)
    counts[0] = 1
    if width % 2 == 0:
        counts[-1] = 1
    return counts


def _hann(length: int) -> Tensor:
    return torch.hann_window(length, periodic=False, dtype=torch.float64)


def _decibels(ratio: Tensor) -> Tensor:
    return 10 * torch.log10(ratio)
