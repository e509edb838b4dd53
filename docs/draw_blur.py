"""Draws docs/blur.png: kernels of every kind, and a photograph through them and the cameras. Run: python docs/draw_blur.py."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw

from deblurbench.blur.camera import blur_image
from deblurbench.images.cropping import center_crop
from deblurbench.images.photo import Pixels
from deblurbench.images.reading import read_photo
from deblurbench.randomness import generator
from deblurbench.registry import BLURS, CAMERAS

CELL, GAP, LABEL = 150, 6, 18
KERNELS = 6  # of each kind
KINDS: tuple[dict[str, Any], ...] = (
    {"name": "gaussian", "sigma": [0.7, 3.5]},
    {"name": "disk", "size": [1.0, 7.0]},
    {"name": "motion", "length": [6.0, 17.0]},
)
CAMERAS_SHOWN: dict[str, tuple[dict[str, Any] | str, dict[str, Any] | str]] = {
    "gaussian, sigma 2": ({"name": "gaussian", "sigma": [2.0, 2.0]}, "sensor"),
    "disk, radius 4": ({"name": "disk", "size": [4.0, 4.0]}, "sensor"),
    "motion, 20 pixels": ({"name": "motion", "length": [20.0, 20.0]}, "sensor"),
    "highlights": ({"name": "motion", "length": [20.0, 20.0]}, {"name": "sensor", "highlights": 8.0}),
    "jpeg, quality 20": ({"name": "motion", "length": [8.0, 8.0]}, {"name": "sensor", "jpeg": [20, 20]}),
    "old-photo": (
        {"name": "gaussian", "sigma": [1.5, 1.5]},
        {"name": "old-photo", "fading": 1.0, "grain": 0.1, "scratches": 60.0},
    ),
}


def kernel_row(spec: dict[str, Any]) -> list[Pixels]:
    """Kernels of one kind, each drawn with its own random numbers, bright where light goes."""
    blur = BLURS.build(spec)
    cells = []
    for number in range(KERNELS):
        kernel = blur.kernel(generator("drawn in docs", number))
        grey = (255 * np.sqrt(kernel / kernel.max())).astype(np.uint8)
        grey = cv2.copyMakeBorder(grey, *[max(0, 15 - blur.radius)] * 4, cv2.BORDER_CONSTANT, value=0)
        inner = grey[center_crop(grey.shape[0], 31), center_crop(grey.shape[1], 31)]
        cells.append(cv2.resize(np.repeat(inner[..., None], 3, 2), (CELL, CELL), interpolation=cv2.INTER_NEAREST))
    return cells


def photograph_row() -> list[Pixels]:
    """One photograph through each camera."""
    package = importlib.util.find_spec("skimage")
    assert package is not None
    assert package.origin is not None
    photo = read_photo(Path(package.origin).parent / "data" / "coffee.png").pixels
    cells = []
    for blur, camera in CAMERAS_SHOWN.values():
        blurred, _ = blur_image(photo, BLURS.build(blur), CAMERAS.build(camera), generator("drawn in docs", 4))
        cells.append(blurred[120 : 120 + CELL, 60 : 60 + CELL])
    return cells


def main() -> None:
    """Draw it."""
    rows = {}
    for spec in KINDS:
        name, (parameter, bounds) = spec["name"], list(spec.items())[1]
        rows[f"kernels: {name}, {parameter} {bounds[0]} to {bounds[1]} pixels"] = kernel_row(spec)
    rows["a photograph: " + "; ".join(CAMERAS_SHOWN)] = photograph_row()
    canvas = Image.new("RGB", (KERNELS * (CELL + GAP) + GAP, len(rows) * (CELL + GAP + LABEL) + GAP), "white")
    pen = ImageDraw.Draw(canvas)
    for place, (label, cells) in enumerate(rows.items()):
        top = place * (CELL + GAP + LABEL) + GAP
        pen.text((GAP, top), label, fill="black")
        for column, cell in enumerate(cells):
            canvas.paste(Image.fromarray(np.ascontiguousarray(cell)), (GAP + column * (CELL + GAP), top + LABEL))
    canvas.save(Path(__file__).parent / "blur.png", optimize=True)


if __name__ == "__main__":
    main()
