"""Richardson-Lucy deconvolution."""

from __future__ import annotations

from torch import Tensor

from deblurbench.blur.kernels import Extent
from deblurbench.classical.base import Deconvolution
from deblurbench.classical.fourier import filtered, transfer_function
from deblurbench.registry import CLASSICAL, PositiveInt

DARKEST = 1e-4  # light below which a pixel is taken to have this much, so that no ratio explodes


def richardson_lucy(blurred: Tensor, kernel: Tensor, iterations: int) -> Tensor:
    """`iterations` of x <- x (k~ * (y / (k * x))) on (B, C, H, W), taken as periodic; k~ is the `kernel` (h, w) turned.

    The most likely image under photon noise (Richardson 1972, Lucy 1974), approached from the blurred one.
    """
    response = transfer_function(kernel, *blurred.shape[-2:])
    blurred = blurred.clamp(min=DARKEST)
    restored = blurred
    for _ in range(iterations):
        ratio = blurred / filtered(restored, response).clamp(min=DARKEST)
        restored = (restored * filtered(ratio, response.conj())).clamp(min=0)
    return restored


@CLASSICAL.register("richardson-lucy")
class RichardsonLucy(Deconvolution):
    """Richardson-Lucy deconvolution; stopping after a few `iterations` is what keeps noise down.

    It undoes a Gaussian of `guessed_sigma` pixels, or, without a guess, the true kernel: then it is an oracle.
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
