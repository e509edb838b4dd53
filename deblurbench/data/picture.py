"""A figure of a few pairs: both sides, their overlay, and their difference before and after registration."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw

from deblurbench.data.alignment.registration import register
from deblurbench.data.inspection import MeasuredPair
from deblurbench.errors import UsageError
from deblurbench.images.photo import Photo, Pixels
from deblurbench.images.reading import read_photo

CELL, GAP, LABEL = 360, 6, 18  # pixels
HEADINGS = ("blurred", "sharp", "overlay: red blurred, cyan sharp", "difference", "difference once registered")
MAX_DIFFERENCE = 0.25  # of the range: the top of the colour map


def draw_pairs(pairs: Sequence[MeasuredPair]) -> Photo:
    """Draw `pairs` in rows, with the columns HEADINGS. Raises UsageError where there are none."""
    if not pairs:
        raise UsageError("--picture: there are no pairs to draw; these are sharp photographs only")
    rows = [[_fit(cell) for cell in _cells(pair)] for pair in pairs]
    heights = [max(cell.shape[0] for cell in row) for row in rows]
    canvas = Image.new(
        "RGB", (len(HEADINGS) * (CELL + GAP) + GAP, sum(heights) + (LABEL + GAP) * len(rows) + LABEL + GAP), "white"
    )
    pen = ImageDraw.Draw(canvas)
    for column, heading in enumerate(HEADINGS):
        pen.text((GAP + column * (CELL + GAP), 4), heading, fill="black")
    top = LABEL
    for pair, row, height in zip(pairs, rows, heights, strict=True):
        pen.text((GAP, top + 4), _caption(pair), fill="black")
        for column, cell in enumerate(row):
            canvas.paste(Image.fromarray(cell), (GAP + column * (CELL + GAP), top + LABEL))
        top += height + LABEL + GAP
    return Photo(np.asarray(canvas))


def _caption(pair: MeasuredPair) -> str:
    found = pair.alignment
    how = f"{found.displacement:.1f} pixels apart, scale {found.scale:.3f}" if found else "no match was found"
    return f"{pair.key}: {how}".encode("ascii", "replace").decode()


def _cells(pair: MeasuredPair) -> list[Pixels]:
    sides = [read_photo(path).pixels for path in (pair.blurred, pair.sharp)]
    blurred, sharp = (_eight_bits(image) for image in sides)
    registered = register(*sides)
    after = np.full_like(blurred, 235)
    if registered is not None:
        after = _difference(_eight_bits(registered.blurred), _eight_bits(registered.sharp))
    grey = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (blurred, sharp)]
    overlay = np.dstack([grey[0], grey[1], grey[1]])
    return [blurred, sharp, overlay, _difference(blurred, sharp), after]


def _difference(blurred: Pixels, sharp: Pixels) -> Pixels:
    """The mean absolute difference over channels as a heat map (H, W, 3)."""
    values = np.abs(blurred.astype(np.float32) - sharp).mean(axis=2) / 255 / MAX_DIFFERENCE
    heat = cv2.applyColorMap((np.clip(values, 0, 1) * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    return np.ascontiguousarray(heat[..., ::-1])


def _eight_bits(image: Pixels) -> Pixels:
    return image if image.dtype == np.uint8 else (image // 257).astype(np.uint8)


def _fit(image: Pixels) -> Pixels:
    """Downsample `image` to the width of a cell, unless it is smaller."""
    height = max(1, round(image.shape[0] * CELL / image.shape[1]))
    if image.shape[1] <= CELL:
        return image
    return np.asarray(cv2.resize(image, (CELL, height), interpolation=cv2.INTER_AREA))
