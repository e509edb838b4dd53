"""Draws docs/weights.png: photographs that no training saw, before and after `photo`. Run: python docs/draw_weights.py."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import deblurbench
from deblurbench.blur.camera import blur_image
from deblurbench.images.photo import Pixels
from deblurbench.images.reading import read_photo
from deblurbench.randomness import generator
from deblurbench.registry import BLURS, CAMERAS

WIDTH, HEIGHT, GAP, LABEL = 280, 240, 6, 20  # pixels of what is seen of a photograph, at 1:1
CAMERA = {"name": "sensor", "shot_noise": 0.003, "read_noise": 0.001, "jpeg": [92, 92]}


class Shown(NamedTuple):
    """A photograph of scikit-image, how it is blurred (None: it is blurred already), and the corner (y, x) of what is seen."""

    title: str
    file: str
    blur: dict[str, Any] | None
    corner: tuple[int, int]


SHOWN = (
    Shown("out of focus by 3 pixels", "chelsea.png", {"name": "disk", "size": [3.0, 3.0]}, (20, 90)),
    Shown("shaken by 12 pixels", "coffee.png", {"name": "motion", "length": [12.0, 12.0]}, (60, 180)),
    Shown("really shaken", "clock_motion.png", None, (30, 60)),
)


def blurred(shown: Shown) -> Pixels:
    """The whole photograph, blurred."""
    package = importlib.util.find_spec("skimage")
    assert package is not None
    assert package.origin is not None
    photo = read_photo(Path(package.origin).parent / "data" / shown.file).pixels
    if shown.blur is None:
        return photo
    return blur_image(photo, BLURS.build(shown.blur), CAMERAS.build(CAMERA), generator("drawn in docs", 7))[0]


def main() -> None:
    """Draw it."""
    canvas = Image.new("RGB", (len(SHOWN) * (WIDTH + GAP) + GAP, LABEL + 2 * (HEIGHT + GAP) + GAP), "white")
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(13)
    for column, shown in enumerate(SHOWN):
        left, (y, x) = GAP + column * (WIDTH + GAP), shown.corner
        pen.text((left, 3), f"{shown.title}: before, after", "black", font)
        before = blurred(shown)
        for row, pixels in enumerate((before, deblurbench.deblur(before))):
            seen = np.ascontiguousarray(pixels[y : y + HEIGHT, x : x + WIDTH])
            canvas.paste(Image.fromarray(seen), (left, LABEL + row * (HEIGHT + GAP)))
    canvas.save(Path(__file__).parent / "weights.png", optimize=True)


if __name__ == "__main__":
    main()
