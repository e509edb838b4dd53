"""One-shot deconvolution by a short FIR filter."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor
from torch.nn import functional as F

from deblurbench.blur.base import Extent
from deblurbench.classical.base import Deconvolution
from deblurbench.classical.fourier import transfer_function
from deblurbench.registry import CLASSICAL, PositiveFloat

Radius = Annotated[int, Interval(gt=0, le=32)]  # the equations grow with its fourth power, and take gigabytes beyond
GRID = 64  # frequencies a side at which the filter is fitted


def inverse_filter(kernel: Tensor, radius: int, noise_to_signal: float) -> Tensor:
    """The best inverse filter g (2r + 1, 2r + 1) of `kernel` (h, w) for images with a 1 / f^2 power spectrum.

    It minimises the expected squared error, sum over f of S(f) |1 - G(f) H(f)|^2 + N |G(f)|^2, exactly: the Wiener
    filter among those of finite extent. N is `noise_to_signal` times the mean of S. At f = 0 an image passes unchanged.
    """
    side = max(GRID, 2 * max(kernel.shape), 4 * radius + 2)
    response = transfer_function(kernel.to("cpu", torch.float64), side, side)
    rows = torch.fft.fftfreq(side, dtype=torch.float64)[:, None] ** 2
    power = 1 / (rows + torch.fft.rfftfreq(side, dtype=torch.float64) ** 2).clamp(min=side**-2.0)
    noise = noise_to_signal * torch.fft.irfft2(power.to(torch.complex128), s=(side, side))[0, 0]
    # The normal equations: the autocorrelation at lag (i - j) on the left, the cross-correlation at lag i on the right.
    autocorrelation = torch.fft.irfft2(power * response.abs().square() + noise, s=(side, side))
    cross_correlation = torch.fft.irfft2(power * response.conj(), s=(side, side))
    offsets = torch.cartesian_prod(*[torch.arange(-radius, radius + 1)] * 2)  # (N, 2), N = (2r + 1)^2
    lags = offsets[:, None] - offsets[None]  # (N, N, 2)
    taps = torch.linalg.solve(
        autocorrelation[lags[..., 0], lags[..., 1]], cross_correlation[offsets[:, 0], offsets[:, 1]]
    )  # (N,)
    taps = taps / taps.sum()
    return taps.reshape(2 * radius + 1, -1).to(kernel)


@CLASSICAL.register("fir")
class OneShotFilter(Deconvolution):
    """A short finite impulse response filter, fitted to the kernel and applied once (after Hosseini & Plataniotis 2019).

    It is (2 `radius` + 1) pixels a side. It inverts a Gaussian of `guessed_sigma` pixels, or, without a guess, the true
    kernel: then it is an oracle.
    """

    def __init__(
        self,
        *,
        guessed_sigma: Extent | None = None,
        radius: Radius = 7,
        noise_to_signal: PositiveFloat = 0.01,
        linear_light: bool = True,
    ) -> None:
        super().__init__(guessed_sigma, linear_light)
        self.radius, self.noise_to_signal = radius, noise_to_signal

    def deconvolve(self, blurred: Tensor, kernel: Tensor) -> Tensor:
        taps = inverse_filter(kernel, self.radius, self.noise_to_signal).flip(0, 1)  # conv2d correlates
        channels = blurred.shape[1]
        return F.conv2d(blurred, taps.expand(channels, 1, *taps.shape), padding=self.radius, groups=channels)
