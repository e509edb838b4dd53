"""The unsharp mask."""

from __future__ import annotations

from torch import Tensor

from deblurbench.blur.kernels import Extent
from deblurbench.classical.base import Method, gaussian
from deblurbench.classical.fourier import cropped, filtered, mirrored_frame, transfer_function
from deblurbench.registry import CLASSICAL, NonNegativeFloat


@CLASSICAL.register("unsharp")
class UnsharpMask(Method):
    """The image, and `amount` times what a Gaussian blur of `sigma` pixels takes from it, added: no kernel is undone."""

    def __init__(self, *, sigma: Extent = 1.5, amount: NonNegativeFloat = 1.0) -> None:
        self.sigma, self.amount = sigma, amount

    def __call__(self, blurred: Tensor, kernel: Tensor | None) -> Tensor:
        kernel = gaussian(self.sigma).to(blurred)
        margin = kernel.shape[0]
        framed = mirrored_frame(blurred, margin)
        softened = cropped(filtered(framed, transfer_function(kernel, *framed.shape[-2:])), margin)
        return blurred + self.amount * (blurred - softened)
