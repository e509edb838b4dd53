"""RealBlur's comparison of images that are not quite aligned (Rim et al. 2020, after Koehler et al. 2012)."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deblurbench.metrics.base import require_pair
from deblurbench.metrics.distortion import PSNR
from deblurbench.metrics.ssim import SSIM

ITERATIONS, SMOOTHING = 100, 5  # of ECC, and the side of its Gaussian filter in pixels
CRITERIA = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, ITERATIONS, 0)

Image = NDArray[np.float32]  # (H, W, 3)


def register(restored: Tensor, sharp: Tensor) -> tuple[Tensor, Tensor]:
    """Scale `restored` to the gain of `sharp` and register it by a homography; (B, 3, H, W) twice -> both, float64.

    Pixels outside the warped image are NaN in both. Raises ValueError if the registration does not converge.
    """
    pairs = [  # each (H, W, 3) twice
        _register(*(image.permute(1, 2, 0).cpu().numpy().astype(np.float32) for image in pair))
        for pair in zip(restored, sharp, strict=True)
    ]
    first, second = (  # (B, H, W, 3) -> (B, 3, H, W)
        torch.from_numpy(np.stack(side)).permute(0, 3, 1, 2).to(restored.device, torch.float64)
        for side in zip(*pairs, strict=True)
    )
    return first, second


def _register(restored: Image, sharp: Image) -> tuple[Image, Image]:
    if np.array_equal(restored, sharp):
        return restored, sharp  # warping would only add rounding errors
    full_mask = np.full(sharp.shape[:2], 255, np.uint8)
    energy = np.square(restored, dtype=np.float64).sum()
    gain = (sharp * restored).sum(dtype=np.float64) / energy if energy else 1.0
    scaled = (restored * gain).astype(np.float32)
    try:
        _, homography = cv2.findTransformECC(
            cv2.cvtColor(sharp, cv2.COLOR_RGB2GRAY), cv2.cvtColor(scaled, cv2.COLOR_RGB2GRAY), np.eye(3, dtype=np.float32),
            cv2.MOTION_HOMOGRAPHY, CRITERIA, full_mask, SMOOTHING,
        )  # fmt: skip
    except cv2.error as error:
        raise ValueError("cannot be registered to its sharp counterpart (ECC does not converge: too little texture)") from error
    size = (sharp.shape[1], sharp.shape[0])
    warped = cv2.warpPerspective(
        scaled, homography, size, flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT
    )
    valid = cv2.warpPerspective(full_mask, homography, size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
    mask = np.where(valid > 0, np.float32(1), np.float32(np.nan))[..., None]
    return (warped * mask).astype(np.float32), sharp * mask


def _masked_mean_squared_error(restored: Tensor, sharp: Tensor) -> Tensor:
    restored, sharp = require_pair(restored, sharp)
    return (restored - sharp).square().flatten(1).nanmean(dim=1)


class MaskedPSNR(PSNR):
    """PSNR over the pixels that are not NaN."""

    intermediate = staticmethod(_masked_mean_squared_error)


class MaskedSSIM(SSIM):
    """SSIM over the pixels that are not NaN; the others count as zero in the windows that contain them."""

    def __call__(self, restored: Tensor, sharp: Tensor) -> Tensor:
        restored, sharp = require_pair(restored, sharp)
        self.require_size(restored)
        margin = self.window // 2
        inner = slice(margin, -margin)
        valid = ~restored[..., inner, inner].isnan()
        similarity = self.similarity(restored.nan_to_num(), sharp.nan_to_num())
        return (similarity * valid).flatten(1).sum(dim=1) / valid.flatten(1).sum(dim=1)
