"""The Wiener filter."""

from __future__ import annotations

from torch import Tensor

from deblurbench.blur.base import Extent
from deblurbench.classical.base import Deconvolution
from deblurbench.classical.fourier import apply_filter, transfer_function
from deblurbench.registry import CLASSICAL, PositiveFloat


def wiener(blurred: Tensor, kernel: Tensor, noise_to_signal: float) -> Tensor:
    """Wiener deconvolution of periodic (B, C, H, W), blurred by the centred `kernel` (h, w).

    `noise_to_signal` is the ratio K of the powers of noise and signal, the same at all frequencies: conj(H) / (|H|^2 + K).
    """
    response = transfer_function(kernel, *blurred.shape[-2:])
    return apply_filter(blurred, response.conj() / (response.abs().square() + noise_to_signal))


@CLASSICAL.register("wiener")
class Wiener(Deconvolution):
    """The Wiener filter (Wiener 1949) with a constant `noise_to_signal` ratio of powers.

    It deconvolves by a Gaussian of `guessed_sigma` pixels, or, without a guess, by the true kernel: then it is an oracle.
    """

    def __init__(
        self,
        *,
        guessed_sigma: Extent | None = None,
        noise_to_signal: PositiveFloat = 0.01,
        linear_light: bool = True,
    ) -> None:
        super().__init__(guessed_sigma, linear_light)
        self.noise_to_signal = noise_to_signal

    def deconvolve(self, blurred: Tensor, kernel: Tensor) -> Tensor:
        return wiener(blurred, kernel, self.noise_to_signal)
