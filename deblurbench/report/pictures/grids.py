"""Image grids as files: what the numbers cannot show, in exact pixels."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from deblurbench.report.findings.comparison import Comparison
from deblurbench.report.pictures.crops import (
    Box,
    Picture,
    around,
    cut,
    error_map,
    has_picture,
    most_detailed,
    restored_picture,
    shown_keys,
)
from deblurbench.report.pictures.median_image import Subject
from deblurbench.report.results import Result

CELL, ZOOM, GAP, HEADER = 112, 4, 4, 20
CLOSE_UP = CELL // ZOOM
BOX_COLOR, TEXT_COLOR, BACKGROUND = (255, 64, 64), (20, 20, 20), (255, 255, 255)
COLUMNS = ("blurred", "restored", "sharp", "close-up (4x)", "error")


def comparison_grid(subject: Subject) -> Image.Image:
    """Rows: models; columns: blurred, restored, sharp, close-up, error, of a data set's subject."""
    box = subject.close_up(CLOSE_UP)
    view = around(subject.sharp, box, CELL)
    rows = []
    for model, restored in subject.restored.items():
        cells = [_framed(image, view, box) for image in (subject.blurred, restored, subject.sharp)]
        cells += [_enlarged(cut(restored, box)), cut(error_map(restored, subject.sharp, subject.brightest), view)]
        rows.append((f"{model}   PSNR {subject.scores[model]} on '{subject.image}'", cells))
    return _draw(COLUMNS, rows)


def shown_grid(comparison: Comparison) -> Image.Image | None:
    """Really blurred photographs, which have no truth to be scored by. Rows: photographs; columns: the models."""
    ordered = shown_by(comparison)
    rows = []
    for key in shown_keys(ordered[0]):
        if not all(has_picture(result, key) for result in ordered):
            continue
        pictures = [restored_picture(result, key) for result in ordered]
        box = most_detailed(pictures[0], CLOSE_UP)
        view = around(pictures[0], box, CELL)
        rows.append((f"'{key}', really blurred", [cut(picture, view) for picture in pictures]))
    return _draw(tuple(result.model for result in ordered), rows) if rows else None


def shown_by(comparison: Comparison) -> list[Result]:
    """Who is shown on really blurred photographs: the input, then every model that restored them, the best first."""
    return [comparison.untouched, *(result for result in comparison.competitors if result.shown)]


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
