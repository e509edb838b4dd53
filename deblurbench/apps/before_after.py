"""Before and after as one picture: the whole photograph, and a close-up of where it was changed most."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from deblurbench.images.photo import Photo
from deblurbench.images.writing import to_eight_bits
from deblurbench.report.pictures.crops import around, crop, enlarged, framed, most_changed

SIDE = 800  # pixels at most of each whole photograph
CLOSE_UP, ZOOM = 200, 2  # pixels a side, and how often each is repeated
BOX = 64  # pixels a side of the part that was changed most
GAP, CAPTION = 8, 24
BACKGROUND, INK = (255, 255, 255), (20, 20, 20)
VISIBLE, QUANTILE = 4.0 / 255, 0.999


class Change(NamedTuple):
    """How much a restoration had to do: its root mean square change in 255ths, and whether one can see it.

    It can be seen where more than a thousandth of the values differ by more than 4 of 255, a contrast of 1.6 %.
    """

    rms: float
    is_visible: bool


def before_and_after(before: Photo, after: Photo) -> Photo:
    """Draw both side by side, and below each its close-up in repeated pixels."""
    sides = [to_eight_bits(photo).pixels for photo in (before, after)]
    box = around(sides[0], most_changed(sides[1], sides[0], BOX), CLOSE_UP)
    columns = [(framed(pixels, box, SIDE), enlarged(crop(pixels, box), ZOOM)) for pixels in sides]
    width = max(picture.shape[1] for picture in columns[0])
    heights = [len(picture) for picture in columns[0]]
    canvas = Image.new("RGB", (3 * GAP + 2 * width, CAPTION + sum(heights) + 2 * GAP), BACKGROUND)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(size=14)
    for index, (title, column) in enumerate(zip(("before", "after"), columns, strict=True)):
        left = GAP + index * (width + GAP)
        draw.text((left, 4), title, INK, font)
        canvas.paste(Image.fromarray(column[0]), (left, CAPTION))
        canvas.paste(Image.fromarray(column[1]), (left, CAPTION + heights[0] + GAP))
    return Photo(np.asarray(canvas))


def measure_change(before: Photo, after: Photo, strength: float = 1.0) -> Change:
    """Measure what a restoration changed of `before`, and whether at full `strength` one would see it.

    Row by row: a photograph may have 100 megapixels.
    """
    scale = np.iinfo(before.pixels.dtype).max
    limit = min(strength, 1.0) * VISIBLE * scale
    squares, visible = 0.0, 0
    for old, new in zip(before.pixels, after.pixels, strict=True):
        differences = np.abs(old.astype(np.int32) - new)
        squares += float((differences.astype(np.float64) ** 2).sum())
        visible += int((differences > limit).sum())
    size = before.pixels.size
    return Change(255 * math.sqrt(squares / size) / scale, visible > (1 - QUANTILE) * size)
