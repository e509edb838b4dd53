"""Validation during training: on validation pairs only."""

from __future__ import annotations

import torch
from torch import Tensor

from deblurbench.data.dataset import PairedImages
from deblurbench.data.table import VALIDATION
from deblurbench.images import middle, to_tensor
from deblurbench.metrics.distortion import PSNR
from deblurbench.metrics.ssim import SSIM
from deblurbench.models.base import Model

STRIP_IMAGES, STRIP_SIZE = 4, 128


class Validator:
    """Mean PSNR and SSIM over the validation pairs, each at its middle `crop` pixels a side, and a strip of the first few."""

    def __init__(self, images: PairedImages, *, crop: int, seed: int) -> None:
        self._images, self._crop, self._seed = images, crop, seed

    def __call__(self, model: Model, device: torch.device) -> tuple[dict[str, float], Tensor]:
        """Scores, and the strip (3, 3 STRIP_SIZE, n STRIP_SIZE) of blurred over restored over sharp."""
        psnr, ssim = [], []
        columns: list[Tensor] = []
        for item in self._images.items(VALIDATION):
            pixels = self._images.whole(item)
            assert pixels[1] is not None  # only the split "shown" has no sharp twin
            blurred, sharp = (_middle(to_tensor(side), self._crop).to(device) for side in (pixels[0], pixels[1]))
            restored = model.restore(blurred, seed=self._seed)
            blurred, sharp, restored = blurred.cpu(), sharp.cpu(), restored.cpu()
            psnr.append(float(PSNR()(restored, sharp)))
            ssim.append(float(SSIM()(restored, sharp)) if min(sharp.shape[-2:]) >= 11 else float("nan"))
            if len(columns) < STRIP_IMAGES:
                columns.append(torch.cat([_cell(image) for image in (blurred, restored, sharp)], dim=1))
        scores = {"psnr": sum(psnr) / len(psnr), "ssim": sum(ssim) / len(ssim)}
        return scores, torch.cat(columns, dim=2)


def _middle(image: Tensor, size: int) -> Tensor:
    return image[..., middle(image.shape[-2], size), middle(image.shape[-1], size)]


def _cell(image: Tensor) -> Tensor:
    """(1, 3, H, W) -> (3, STRIP_SIZE, STRIP_SIZE): the middle, on grey where the image is smaller."""
    middle = _middle(image, STRIP_SIZE)[0]
    cell = torch.full((3, STRIP_SIZE, STRIP_SIZE), 0.5, dtype=image.dtype)
    cell[:, : middle.shape[1], : middle.shape[2]] = middle
    return cell
