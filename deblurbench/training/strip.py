"""The picture of a few validation photographs in TensorBoard, with captions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from deblurbench.images.cropping import center_crop
from deblurbench.images.tensors import to_pixels

THUMBNAIL, CAPTION, GAP = 160, 16, 4  # pixels
INK, BACKGROUND, PADDING = (20, 20, 20), (255, 255, 255), (128, 128, 128)


class StripColumn(NamedTuple):
    """One photograph: its name, what was restored, (1, 3, H, W) each, and the PSNR of both in dB."""

    name: str
    blurred: Tensor
    restored: Tensor
    sharp: Tensor
    blurred_psnr: float
    restored_psnr: float


def draw_strip(columns: Sequence[StripColumn]) -> Tensor:
    """Draw each photograph's center crop: blurred, restored and sharp below each other, each with its caption above it.

    Returns (3, H, W) in [0, 1].
    """
    font = ImageFont.load_default(size=11)
    row = CAPTION + THUMBNAIL
    canvas = Image.new("RGB", (GAP + len(columns) * (THUMBNAIL + GAP), CAPTION + 3 * row + GAP), BACKGROUND)
    draw = ImageDraw.Draw(canvas)
    for place, column in enumerate(columns):
        left = GAP + place * (THUMBNAIL + GAP)
        draw.text((left, 2), column.name[-THUMBNAIL // 6 :], INK, font)
        for number, (caption, image) in enumerate(
            (
                (f"blurred: {column.blurred_psnr:.2f} dB", column.blurred),
                (f"restored: {column.restored_psnr:.2f} dB", column.restored),
                ("sharp", column.sharp),
            )
        ):
            top = CAPTION + number * row
            draw.text((left, top + 2), caption, INK, font)
            canvas.paste(PADDING, (left, top + CAPTION, left + THUMBNAIL, top + CAPTION + THUMBNAIL))
            canvas.paste(Image.fromarray(_center(image)), (left, top + CAPTION))
    return torch.from_numpy(np.array(canvas)).permute(2, 0, 1).float() / 255


def _center(image: Tensor) -> np.ndarray:
    """The center crop of `image` (1, 3, H, W), (h, w, 3), at most THUMBNAIL pixels a side."""
    rows, columns = (center_crop(side, THUMBNAIL) for side in image.shape[-2:])
    return np.ascontiguousarray(to_pixels(image)[rows, columns])
