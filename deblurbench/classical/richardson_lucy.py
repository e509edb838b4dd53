"""Richardson-Lucy deconvolution."""

from __future__ import annotations

from torch import Tensor

from deblurbench.blur.base import Extent
from deblurbench.classical.base import Deconvolution
from deblurbench.classical.fourier import apply_filter, transfer_function
from deblurbench.registry import CLASSICAL, PositiveInt

MIN_LIGHT = 1e-4  # lower bound of light, so that no ratio diverges


def richardson_lucy(blurred: Tensor, kernel: Tensor, iterations: int) -> Tensor:
    """Iterate x <- x (k~ * (y / (k * x))) on periodic (B, C, H, W); k~ is the `kernel` (h, w) rotated by 180 degrees.

    It converges to the maximum likelihood under Poisson noise (Richardson 1972, Lucy 1974), from the blurred image.
    """
    response = transfer_function(kernel, *blurred.shape[-2:])
    blurred = blurred.clamp(min=MIN_LIGHT)
    restored = blurred
    for _ in range(iterations):
        ratio = blurred / apply_filter(restored, response).clamp(min=MIN_LIGHT)
        restored = (restored * apply_filter(ratio, response.conj())).clamp(min=0)
    return restored


@CLASSICAL.register("richardson-lucy")
class RichardsonLucy(Deconvolution):
    """Richardson-Lucy deconvolution; early stopping after a few `iterations` limits the noise.

    It deconvolves by a Gaussian of `guessed_sigma` pixels, or, without a guess, by the true kernel: then it is an oracle.
    """

    def __init__(
        self,
        *,
        guessed_sigma: Extent | None = None,
        iterations: PositiveInt = 20,
        linear_light: bool = True,
    ) -> None:
        super().__init__(guessed_sigma, linear_light)
        self.iterations = iterations

    def deconvolve(self, blurred: Tensor, kernel: Tensor) -> Tensor:
        return richardson_lucy(blurred, kernel, self.iterations)
