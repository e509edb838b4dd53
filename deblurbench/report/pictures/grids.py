"""Image grids as files, in exact pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from deblurbench.records.paths import BLURRED
from deblurbench.report.findings.comparison import Comparison
from deblurbench.report.pictures.crops import Picture, around, crop, enlarged, framed, most_detailed
from deblurbench.report.pictures.median_image import MedianImage
from deblurbench.report.pictures.stored_pictures import has_restored, read_restored
from deblurbench.report.results import Result

TILE, ZOOM, GAP, HEADER = 264, 4, 4, 22  # pixels: three tiles a row are as wide as a page of text
CLOSE_UP = TILE // ZOOM
COLUMNS = 3
TEXT_COLOR, BACKGROUND = (20, 20, 20), (255, 255, 255)


class Tile(NamedTuple):
    """A picture of at most TILE pixels a side, and the text above it."""

    title: str
    picture: Picture


def comparison_grid(median: MedianImage) -> Image.Image:
    """Draw the median image of a data set: the whole of it, then the same close-up of it blurred, sharp, and by every model."""
    box = median.close_up(CLOSE_UP)
    tiles = [
        Tile(f"'{median.name}', sharp", framed(median.sharp, box, TILE)),
        Tile(f"blurred: {median.scores[BLURRED]}", enlarged(crop(median.blurred, box), ZOOM)),
        Tile("sharp", enlarged(crop(median.sharp, box), ZOOM)),
    ]
    tiles += [
        Tile(f"{model}: {median.scores[model]}", enlarged(crop(restored, box), ZOOM))
        for model, restored in median.restored.items()
    ]
    return _draw([tiles[start : start + COLUMNS] for start in range(0, len(tiles), COLUMNS)])


def really_blurred_grid(comparison: Comparison) -> Image.Image | None:
    """Draw the really blurred photographs, which have no ground truth. Rows: photographs; columns: models."""
    ordered = really_blurred_results(comparison)
    rows = []
    for image in filter(comparison.may_show, comparison.blurred_input.really_blurred_names):
        if not all(has_restored(result, image) for result in ordered):
            continue
        pictures = [read_restored(result, image) for result in ordered]
        view = around(pictures[0], most_detailed(pictures[0], CLOSE_UP), TILE)
        titles = (f"'{image}', really blurred", *(result.model for result in ordered[1:]))
        rows.append([Tile(title, crop(picture, view)) for title, picture in zip(titles, pictures, strict=True)])
    return _draw(rows) if rows else None


def really_blurred_results(comparison: Comparison) -> list[Result]:
    """Return the input, then every ranked model that restored the really blurred photographs, the best first."""
    return [comparison.blurred_input, *(result for result in comparison.ranked if result.really_blurred_rows)]


def _draw(rows: Sequence[Sequence[Tile]]) -> Image.Image:
    """Draw rows of tiles, each with its title above it."""
    font = ImageFont.load_default(size=14)
    width = max(map(len, rows)) * (TILE + GAP) + GAP
    grid = Image.new("RGB", (width, len(rows) * (TILE + HEADER) + GAP), BACKGROUND)
    draw = ImageDraw.Draw(grid)
    for row, tiles in enumerate(rows):
        for column, tile in enumerate(tiles):
            left, top = GAP + column * (TILE + GAP), row * (TILE + HEADER)
            draw.text((left, top + 2), _fitting(tile.title, font), TEXT_COLOR, font)
            grid.paste(Image.fromarray(np.ascontiguousarray(tile.picture)), (left, top + HEADER))
    return grid


def _fitting(title: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont) -> str:
    """Shorten `title` in its middle to the width of a tile: its end is a score."""
    kept = len(title)
    shown = title
    while font.getlength(shown) > TILE:
        kept -= 1
        shown = f"{title[: kept - kept // 2]}\u2026{title[len(title) - kept // 2 :]}"
    return shown
