"""Draws docs/weights.png: photographs before and after `deblurbench deblur`. Run: python docs/draw_weights.py."""

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
# (file, left and top of the part that is shown, blur)
PHOTOGRAPHS: tuple[tuple[str, tuple[int, int], dict[str, Any]], ...] = (
    ("chelsea.png", (95, 30), {"name": "gaussian", "sigma": [2.0, 2.0]}),
    ("coffee.png", (150, 80), {"name": "motion", "length": [12.0, 12.0]}),
    ("astronaut.png", (110, 10), {"name": "disk", "size": [4.0, 4.0]}),
)


def row(name: str, corner: tuple[int, int], blur: dict[str, Any]) -> list[tuple[str, Pixels]]:
    """One place of a photograph as it is blurred, as `photo` restores it, and sharp."""
    package = importlib.util.find_spec("skimage")
    assert package is not None
    assert package.origin is not None
    photo = read_photo(Path(package.origin).parent / "data" / name).pixels
    camera = CAMERAS.build({"name": "sensor", "shot_noise": 0.004, "read_noise": 0.002})
    blurred, _ = blur_image(photo, BLURS.build(blur), camera, generator("drawn in docs", 0))
    shown = {f"blurred: {blur['name']}": blurred, "photo": deblurbench.deblur(blurred), "sharp": photo}
    left, top = corner
    return [(label, pixels[top : top + CELL, left : left + CELL]) for label, pixels in shown.items()]


def main() -> None:
    """Draw it."""
    rows = [row(*photograph) for photograph in PHOTOGRAPHS]
    canvas = Image.new("RGB", (3 * (CELL + GAP) + GAP, len(rows) * (CELL + GAP + LABEL) + GAP), "white")
    pen = ImageDraw.Draw(canvas)
    for place, cells in enumerate(rows):
        top = place * (CELL + GAP + LABEL) + GAP
        for column, (label, cell) in enumerate(cells):
            left = GAP + column * (CELL + GAP)
            pen.text((left, top), label, fill="black")
            canvas.paste(Image.fromarray(np.ascontiguousarray(cell)), (left, top + LABEL))
    canvas.save(Path(__file__).parent / "weights.png", optimize=True)


if __name__ == "__main__":
    main()
