"""How RealBlur's authors compare images that are not quite aligned (Rim et al. 2020, after Koehler et al. 2012)."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deblurbench.metrics.base import require_pair
from deblurbench.metrics.distortion import PSNR
from deblurbench.metrics.ssim import SSIM

ITERATIONS, SMOOTHING = 100, 5  # of ECC, and the side of its Gaussian in pixels
STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, ITERATIONS, 0)

Image = NDArray[np.float32]  # (H, W, 3)


def registered(restored: Tensor, sharp: Tensor) -> tuple[Tensor, Tensor]:
    """`restored` with the gain of `sharp` and registered to it, and `sharp`; NaN in both where `restored` shows nothing.

    (B, 3, H, W) twice. Raises ValueError where there is nothing to register by.
    """
    pairs = [
        _registered(*(image.permute(1, 2, 0).cpu().numpy().astype(np.float32) for image in pair))
        for pair in zip(restored, sharp, strict=True)
    ]
    first, second = (
        torch.from_numpy(np.stack(side)).permute(0, 3, 1, 2).to(restored.device, torch.float64)
        for side in zip(*pairs, strict=True)
    )
    return first, second


def _registered(restored: Image, sharp: Image) -> tuple[Image, Image]:
    if np.array_equal(restored, sharp):
        return restored, sharp  # there is nothing to register, and rounding would only make them differ
    everywhere = np.full(sharp.shape[:2], 255, np.uint8)
    energy = np.square(restored, dtype=np.float64).sum()
    gain = (sharp * restored).sum(dtype=np.float64) / energy if energy else 1.0
    scaled = (restored * gain).astype(np.float32)
    try:
        _, homography = cv2.findTransformECC(
            cv2.cvtColor(sharp, cv2.COLOR_RGB2GRAY), cv2.cvtColor(scaled, cv2.COLOR_RGB2GRAY), np.eye(3, dtype=np.float32),
            cv2.MOTION_HOMOGRAPHY, STOP, everywhere, SMOOTHING,
        )  # fmt: skip
    except cv2.error as error:
        raise ValueError("cannot be registered to its sharp twin (ECC does not converge: too little to go by)") from error
    size = (sharp.shape[1], sharp.shape[0])
    warped = cv2.warpPerspective(
        scaled, homography, size, flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT
    )
    shown = cv2.warpPerspective(everywhere, homography, size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
    mask = np.where(shown > 0, np.float32(1), np.float32(np.nan))[..., None]
    return (warped * mask).astype(np.float32), sharp * mask


def _masked_mean_squared_error(restored: Tensor, sharp: Tensor) -> Tensor:
    restored, sharp = require_pair(restored, sharp)
    return (restored - sharp).square().flatten(1).nanmean(dim=1)


class MaskedPSNR(PSNR):
    """PSNR over the pixels that are not NaN."""

    measure = staticmethod(_masked_mean_squared_error)


class MaskedSSIM(SSIM):
    """SSIM over the pixels that are not NaN; windows across their border see zeros beyond it."""

    def __call__(self, restored: Tensor, sharp: Tensor) -> Tensor:
        restored, sharp = require_pair(restored, sharp)
        self.require_size(restored)
        margin = self.window // 2
        inner = slice(margin, -margin)
        shown = ~restored[..., inner, inner].isnan()
        similarity = self.similarity(restored.nan_to_num(), sharp.nan_to_num())
        return (similarity * shown).flatten(1).sum(dim=1) / shown.flatten(1).sum(dim=1)
