"""Image grids as files: what the numbers cannot show, in exact pixels."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from deblurbench.report.comparison import Comparison
from deblurbench.report.crops import (
    Box,
    Picture,
    around,
    cut,
    error_map,
    has_pictures,
    most_changed,
    most_detailed,
    restored_picture,
    scale_of_errors,
    sharp_picture,
    shown_keys,
)
from deblurbench.report.results import Result, Results

CELL, ZOOM, GAP, HEADER = 128, 4, 4, 20
CLOSE_UP = CELL // ZOOM
BOX_COLOR, TEXT_COLOR, BACKGROUND = (255, 64, 64), (20, 20, 20), (255, 255, 255)
COLUMNS = ("blurred", "restored", "sharp", "close-up (4x)", "error")


def comparison_grid(results: Results, comparison: Comparison) -> Image.Image | None:
    """Rows: models; columns: blurred, restored, sharp, close-up, error. None where no picture is stored.

    The photograph is chosen by rule, not by hand: the one of median PSNR when blurred. The close-up is where blur
    changed it most.
    """
    untouched = results.input_of(comparison.dataset)
    key = median_image(comparison)
    models = [result for result in comparison.results if not result.is_input]
    if not models or not has_pictures(untouched, key):
        return None
    sharp, blurred = sharp_picture(untouched, key), restored_picture(untouched, key)
    box, brightest = most_changed(sharp, blurred, CLOSE_UP), scale_of_errors(blurred, sharp)
    view = around(sharp, box, CELL)
    rows = []
    for result in models:
        restored = restored_picture(result, key)
        cells = [_framed(image, view, box) for image in (blurred, restored, sharp)]
        cells += [_enlarged(cut(restored, box)), cut(error_map(restored, sharp, brightest), view)]
        score = next(float(row[results.first]) for row in result.images if row["image"] == key)
        rows.append((f"{result.model}   {results.metric(results.first).label} {score:.2f} on '{key}'", cells))
    return _draw(COLUMNS, rows)


def shown_grid(results: Results, dataset: str) -> Image.Image | None:
    """Really blurred photographs, which have no truth to be scored by. Rows: photographs; columns: the models."""
    ordered = [results.input_of(dataset), *(result for result in results.of(dataset) if result.competes)]
    rows = []
    for key in shown_keys(ordered[0]):
        if not has_pictures(ordered[0], key):
            continue
        pictures = [restored_picture(result, key) for result in ordered]
        box = most_detailed(pictures[0], CLOSE_UP)
        view = around(pictures[0], box, CELL)
        rows.append((f"'{key}', really blurred", [cut(picture, view) for picture in pictures]))
    return _draw(tuple(result.model for result in ordered), rows) if rows else None


def median_image(comparison: Comparison) -> str:
    """The test image of median PSNR when blurred, by the first seed; the first by name of two."""
    untouched: Result = next(result for result in comparison.results if result.is_input)
    rows = [row for row in untouched.images if row["seed"] == str(untouched.seeds[0])]
    ordered = sorted(rows, key=lambda row: (float(row[comparison.first]), row["image"]))
    return ordered[(len(ordered) - 1) // 2]["image"]


def _draw(columns: tuple[str, ...], rows: list[tuple[str, list[Picture]]]) -> Image.Image:
    """A table of pictures with the column names above and a line of text over each row."""
    font = ImageFont.load_default(size=12)
    width = len(columns) * (CELL + GAP) + GAP
    grid = Image.new("RGB", (width, HEADER + len(rows) * (CELL + HEADER) + GAP), BACKGROUND)
    draw = ImageDraw.Draw(grid)
    for place, name in enumerate(columns):
        draw.text((GAP + place * (CELL + GAP), 3), name, TEXT_COLOR, font)
    for number, (title, cells) in enumerate(rows):
        top = HEADER + number * (CELL + HEADER)
        draw.text((GAP, top + 3), title, TEXT_COLOR, font)
        for place, cell in enumerate(cells):
            grid.paste(Image.fromarray(np.ascontiguousarray(cell)), (GAP + place * (CELL + GAP), top + HEADER))
    return grid


def _framed(picture: Picture, view: Box, box: Box) -> Picture:
    """The `view` of `picture` with a frame around the close-up `box`."""
    cell = Image.fromarray(np.ascontiguousarray(cut(picture, view)))
    left, top = box.left - view.left, box.top - view.top
    ImageDraw.Draw(cell).rectangle((left - 1, top - 1, left + box.width, top + box.height), outline=BOX_COLOR)
    return np.asarray(cell)


def _enlarged(picture: Picture) -> Picture:
    """Every pixel ZOOM times as large."""
    return picture.repeat(ZOOM, axis=0).repeat(ZOOM, axis=1)
