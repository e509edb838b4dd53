"""Image grids as files, in exact pixels."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from deblurbench.report.findings.comparison import Comparison
from deblurbench.report.pictures.crops import Box, around, crop, most_detailed
from deblurbench.report.pictures.error_maps import error_map
from deblurbench.report.pictures.median_image import MedianImage
from deblurbench.report.pictures.stored_pictures import Picture, has_restored, read_restored
from deblurbench.report.results import Result

TILE, ZOOM, GAP, HEADER = 112, 4, 4, 20
CLOSE_UP = TILE // ZOOM
BOX_COLOR, TEXT_COLOR, BACKGROUND = (255, 64, 64), (20, 20, 20), (255, 255, 255)
COLUMNS = ("blurred", "restored", "sharp", "close-up (4x)", "error")


def comparison_grid(median: MedianImage) -> Image.Image:
    """Draw the median image of a data set. Rows: models; columns: blurred, restored, sharp, close-up, error."""
    box = median.close_up(CLOSE_UP)
    view = around(median.sharp, box, TILE)
    rows = []
    for model, restored in median.restored.items():
        tiles = [_with_frame(picture, view, box) for picture in (median.blurred, restored, median.sharp)]
        tiles += [_enlarge(crop(restored, box)), crop(error_map(restored, median.sharp, median.error_limit), view)]
        rows.append((f"{model}   PSNR {median.scores[model]} on '{median.name}'", tiles))
    return _draw(COLUMNS, rows)


def really_blurred_grid(comparison: Comparison) -> Image.Image | None:
    """Draw the really blurred photographs, which have no ground truth. Rows: photographs; columns: models."""
    ordered = really_blurred_results(comparison)
    rows = []
    for image in comparison.blurred_input.really_blurred_names:
        if not all(has_restored(result, image) for result in ordered):
            continue
        pictures = [read_restored(result, image) for result in ordered]
        view = around(pictures[0], most_detailed(pictures[0], CLOSE_UP), TILE)
        rows.append((f"'{image}', really blurred", [crop(picture, view) for picture in pictures]))
    return _draw(tuple(result.model for result in ordered), rows) if rows else None


def really_blurred_results(comparison: Comparison) -> list[Result]:
    """Return the input, then every ranked model that restored the really blurred photographs, the best first."""
    return [comparison.blurred_input, *(result for result in comparison.ranked if result.really_blurred_rows)]


def _draw(columns: tuple[str, ...], rows: list[tuple[str, list[Picture]]]) -> Image.Image:
    """Draw a table of pictures with the column names above and a line of text over each row."""
    font = ImageFont.load_default(size=12)
    width = len(columns) * (TILE + GAP) + GAP
    grid = Image.new("RGB", (width, HEADER + len(rows) * (TILE + HEADER) + GAP), BACKGROUND)
    draw = ImageDraw.Draw(grid)
    for column, name in enumerate(columns):
        draw.text((GAP + column * (TILE + GAP), 3), name, TEXT_COLOR, font)
    for row, (title, tiles) in enumerate(rows):
        top = HEADER + row * (TILE + HEADER)
        draw.text((GAP, top + 3), title, TEXT_COLOR, font)
        for column, tile in enumerate(tiles):
            grid.paste(Image.fromarray(np.ascontiguousarray(tile)), (GAP + column * (TILE + GAP), top + HEADER))
    return grid


def _with_frame(picture: Picture, view: Box, box: Box) -> Picture:
    """Return the `view` of `picture` with a frame around the close-up `box`."""
    tile = Image.fromarray(np.ascontiguousarray(crop(picture, view)))
    left, top = box.left - view.left, box.top - view.top
    ImageDraw.Draw(tile).rectangle((left - 1, top - 1, left + box.width, top + box.height), outline=BOX_COLOR)
    return np.asarray(tile)


def _enlarge(picture: Picture) -> Picture:
    """Repeat every pixel: (H, W, 3) -> (ZOOM H, ZOOM W, 3)."""
    return picture.repeat(ZOOM, axis=0).repeat(ZOOM, axis=1)
