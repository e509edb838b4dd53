"""Draws docs/weights.png and docs/old-photo.png: before and after `deblurbench deblur`. Run: python docs/draw_weights.py."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

import deblurbench
from deblurbench.blur.camera import blur_image
from deblurbench.images.photo import Pixels
from deblurbench.images.reading import read_photo
from deblurbench.randomness import generator
from deblurbench.registry import BLURS, CAMERAS

CELL, GAP, LABEL = 256, 6, 18
SENSOR = {"name": "sensor", "shot_noise": 0.004, "read_noise": 0.002}
PRINT = {"name": "old-photo", "scratches": 40.0, "dust": 80.0, "resolution": 0.6}
# (file, left and top of the part that is shown, blur)
Photographs = tuple[tuple[str, tuple[int, int], dict[str, Any]], ...]
BLURRED: Photographs = (
    ("chelsea.png", (95, 30), {"name": "gaussian", "sigma": [2.0, 2.0]}),
    ("coffee.png", (150, 80), {"name": "motion", "length": [12.0, 12.0]}),
    ("astronaut.png", (110, 10), {"name": "disk", "size": [4.0, 4.0]}),
)
AGED: Photographs = (
    ("astronaut.png", (110, 10), {"name": "gaussian", "sigma": [1.2, 1.2]}),
    ("camera.png", (120, 40), {"name": "gaussian", "sigma": [1.2, 1.2]}),
)


def row(
    name: str, corner: tuple[int, int], blur: dict[str, Any], camera: dict[str, Any], model: str
) -> list[tuple[str, Pixels]]:
    """One place of a photograph as it is blurred, as weights that ship restore it, and sharp."""
    package = importlib.util.find_spec("skimage")
    assert package is not None
    assert package.origin is not None
    photo = read_photo(Path(package.origin).parent / "data" / name).pixels
    blurred, _ = blur_image(photo, BLURS.build(blur), CAMERAS.build(camera), generator("drawn in docs", 0))
    shown = {f"before: {blur['name']}": blurred, model: deblurbench.deblur(blurred, model), "sharp": photo}
    left, top = corner
    return [(label, pixels[top : top + CELL, left : left + CELL]) for label, pixels in shown.items()]


def draw(file: str, photographs: Photographs, camera: dict[str, Any], model: str) -> None:
    """Draw one picture, a row for each photograph."""
    rows = [row(*photograph, camera, model) for photograph in photographs]
    canvas = Image.new("RGB", (3 * (CELL + GAP) + GAP, len(rows) * (CELL + GAP + LABEL) + GAP), "white")
    pen = ImageDraw.Draw(canvas)
    for place, cells in enumerate(rows):
        top = place * (CELL + GAP + LABEL) + GAP
        for column, (label, cell) in enumerate(cells):
            left = GAP + column * (CELL + GAP)
            pen.text((left, top), label, fill="black")
            canvas.paste(Image.fromarray(np.ascontiguousarray(cell)), (left, top + LABEL))
    canvas.save(Path(__file__).parent / file, optimize=True)


if __name__ == "__main__":
    draw("weights.png", BLURRED, SENSOR, "photo")
    draw("old-photo.png", AGED, PRINT, "old-photo")
