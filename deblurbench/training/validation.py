"""Validation during training: on validation pairs only."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from deblurbench.data.prepared import PreparedDataset
from deblurbench.data.table import VALIDATION, evenly_spaced
from deblurbench.images.cropping import center_crop
from deblurbench.images.photo import Pixels
from deblurbench.images.tensors import to_tensor
from deblurbench.metrics.distortion import PSNR
from deblurbench.metrics.ssim import SSIM
from deblurbench.models.base import Restorer
from deblurbench.models.restoration import RestoreOptions
from deblurbench.training.strip import StripColumn, draw_strip

STRIP_IMAGES = 4


class Validator:
    """Computes mean PSNR and SSIM over validation pairs, and a strip of the first few.

    Of each pair the center crop of `crop` pixels a side is restored; of more than `count` pairs, `count` evenly spaced ones.
    """

    def __init__(self, images: PreparedDataset, *, crop: int, count: int, seed: int) -> None:
        self._images, self._crop, self._count, self._seed = images, crop, count, seed

    def __call__(self, model: Restorer, device: torch.device) -> tuple[dict[str, float], Tensor]:
        """Return the mean scores, and the strip (3, H, W): blurred, restored and sharp below each other, with captions."""
        psnr, ssim = [], []
        columns: list[StripColumn] = []
        for name, *pair in self._pairs:
            blurred, sharp = (to_tensor(side).to(device) for side in pair)
            restored = model.restore(blurred, RestoreOptions(seed=self._seed))
            blurred, sharp, restored = blurred.cpu(), sharp.cpu(), restored.cpu()
            psnr.append(float(PSNR()(restored, sharp)))
            ssim.append(float(SSIM()(restored, sharp)) if min(sharp.shape[-2:]) >= SSIM.smallest_side else float("nan"))
            if len(columns) < STRIP_IMAGES:
                columns.append(StripColumn(name, blurred, restored, sharp, float(PSNR()(blurred, sharp)), psnr[-1]))
        return {"psnr": sum(psnr) / len(psnr), "ssim": sum(ssim) / len(ssim)}, draw_strip(columns)

    @cached_property
    def _pairs(self) -> list[tuple[str, Pixels, Pixels]]:
        """The names of the pairs and their center crops, blurred and sharp, (H, W, 3); computed once a training.

        They are copied so that whole images are released.
        """
        pairs = []
        for item in evenly_spaced(self._images.items(VALIDATION), self._count):
            image = self._images.test_image(item)
            assert image.sharp is not None  # only the split "shown" has no sharp counterpart
            rows, columns = (center_crop(side, self._crop) for side in image.sharp.shape[:2])
            pairs.append((item.entry.key, np.array(image.blurred[rows, columns]), np.array(image.sharp[rows, columns])))
        return pairs
