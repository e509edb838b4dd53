"""Before and after as one picture: the whole photograph, and a close-up of where it was changed most."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from deblurbench.images.photo import Photo, Pixels
from deblurbench.report.pictures.crops import Box, around, crop, most_changed

SIDE = 800  # pixels at most of each whole photograph
CLOSE_UP, ZOOM = 200, 2  # pixels a side, and how often each is repeated
BOX = 64  # pixels a side of the part that was changed most
GAP, CAPTION = 8, 24
BACKGROUND, INK, FRAME = (255, 255, 255), (20, 20, 20), (255, 64, 64)
VISIBLE, QUANTILE = 4.0 / 255, 0.999


def before_and_after(before: Photo, after: Photo) -> Photo:
    """Draw both side by side, and below each its close-up in repeated pixels."""
    sides = [_eight_bits(photo.pixels) for photo in (before, after)]
    box = around(sides[0], most_changed(sides[1], sides[0], BOX), CLOSE_UP)
    columns = [(_framed(pixels, box), _enlarged(crop(pixels, box))) for pixels in sides]
    width = max(image.width for column in columns for image in column)
    heights = [max(column[row].height for column in columns) for row in (0, 1)]
    canvas = Image.new("RGB", (3 * GAP + 2 * width, CAPTION + sum(heights) + 2 * GAP), BACKGROUND)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(size=14)
    for index, (title, column) in enumerate(zip(("before", "after"), columns, strict=True)):
        left = GAP + index * (width + GAP)
        draw.text((left, 4), title, INK, font)
        canvas.paste(column[0], (left, CAPTION))
        canvas.paste(column[1], (left, CAPTION + heights[0] + GAP))
    return Photo(np.asarray(canvas))


def is_visible(before: Photo, after: Photo) -> bool:
    """Whether more than a thousandth of the values differ by more than 4 of 255, a contrast of 1.6 % that one hardly sees."""
    scale = np.iinfo(before.pixels.dtype).max
    limit = VISIBLE * scale
    changed = sum(  # row by row: a photograph may have 100 megapixels
        int((np.abs(old.astype(np.int32) - new) > limit).sum())
        for old, new in zip(before.pixels, after.pixels, strict=True)
    )  # fmt: skip
    return changed > (1 - QUANTILE) * before.pixels.size


def _eight_bits(pixels: Pixels) -> Pixels:
    return pixels if pixels.dtype == np.uint8 else (pixels >> 8).astype(np.uint8)


def _framed(pixels: Pixels, box: Box) -> Image.Image:
    """The whole picture, at most SIDE pixels wide and high, with a frame around the close-up."""
    image = Image.fromarray(pixels)
    image.thumbnail((SIDE, SIDE))
    scale = image.width / pixels.shape[1]
    corners = (box.left, box.top, box.left + box.width - 1, box.top + box.height - 1)
    ImageDraw.Draw(image).rectangle([round(corner * scale) for corner in corners], outline=FRAME)
    return image


def _enlarged(pixels: Pixels) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(pixels.repeat(ZOOM, axis=0).repeat(ZOOM, axis=1)))
