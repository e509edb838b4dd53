"""The unsharp mask."""

from __future__ import annotations

from torch import Tensor

from deblurbench.blur.base import Extent
from deblurbench.classical.base import Method, gaussian
from deblurbench.classical.fourier import apply_filter, crop_margin, pad_margin, transfer_function
from deblurbench.registry import CLASSICAL, NonNegativeFloat


@CLASSICAL.register("unsharp")
class UnsharpMask(Method):
    """The unsharp mask: image + `amount` * (image - its Gaussian blur of `sigma` pixels). No kernel is inverted."""

    def __init__(self, *, sigma: Extent = 1.5, amount: NonNegativeFloat = 1.0) -> None:
        self.sigma, self.amount = sigma, amount

    def __call__(self, blurred: Tensor, kernel: Tensor | None) -> Tensor:
        kernel = gaussian(self.sigma).to(blurred)
        margin = kernel.shape[0]
        padded = pad_margin(blurred, margin)  # (B, 3, H + 2 margin, W + 2 margin)
        smooth = crop_margin(apply_filter(padded, transfer_function(kernel, *padded.shape[-2:])), margin)  # (B, 3, H, W)
        return blurred + self.amount * (blurred - smooth)
