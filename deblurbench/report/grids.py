"""Image grids: what the numbers cannot show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from deblurbench.images.reading import read_photo
from deblurbench.report.results import Result, Results
from deblurbench.results_folder import RESTORED, SHARP, picture_path

CELL, ZOOM, GAP, HEADER = 160, 4, 4, 20
CLOSE_UP = CELL // ZOOM
BOX_COLOR, TEXT_COLOR, BACKGROUND = (255, 64, 64), (20, 20, 20), (255, 255, 255)
COLUMNS = ("blurred", "restored", "sharp", "close-up: blurred", "close-up: restored", "close-up: sharp")

Picture = NDArray[np.uint8]


def comparison_grid(results: Results, dataset: str) -> Image.Image | None:
    """Rows: models; columns: blurred, restored, sharp and close-ups of all three. None where no picture is stored.

    The photograph is chosen by rule, not by hand: the one of median PSNR when blurred. The close-up is where blur
    changed it most.
    """
    metric = results.recipe.metrics[0]
    models = [result for result in results.of(dataset) if not result.is_input]
    untouched = results.input_of(dataset)
    key = _median_image(untouched, metric)
    if not models or not _restored_path(untouched, key).is_file():
        return None
    sharp = _read(picture_path(untouched.folder.parent / SHARP, key))
    blurred = _read(_restored_path(untouched, key))
    top, left = _most_changed(sharp, blurred)
    rows = []
    for result in models:
        restored = _read(_restored_path(result, key))
        cells = [_around(image, top, left) for image in (blurred, restored, sharp)]
        cells += [_close_up(image, top, left) for image in (blurred, restored, sharp)]
        score = next(float(row[metric]) for row in result.images if row["image"] == key)
        rows.append((f"{result.model}   {results.recipe.metric(metric).label} {score:.2f} on '{key}'", cells))
    return _draw(COLUMNS, rows)


def shown_grid(results: Results, dataset: str) -> Image.Image | None:
    """Really blurred photographs, which have no truth to be scored by. Rows: photographs; columns: the models."""
    ordered = [results.input_of(dataset), *(result for result in results.of(dataset) if result.competes)]
    scored = {row["image"] for row in ordered[0].images}
    keys = [path.stem for path in sorted(_restored_path(ordered[0], "").parent.glob("*.png")) if path.stem not in scored]
    rows = []
    for key in keys:
        pictures = [_read(_restored_path(result, key)) for result in ordered]
        top, left = _most_detailed(pictures[0])
        rows.append((f"'{key}', really blurred", [_around(picture, top, left) for picture in pictures]))
    return _draw(tuple(result.model for result in ordered), rows) if rows else None


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
            grid.paste(Image.fromarray(cell), (GAP + place * (CELL + GAP), top + HEADER))
    return grid


def _median_image(untouched: Result, metric: str) -> str:
    first_seed = [row for row in untouched.images if row["seed"] == str(untouched.seeds[0])]
    ordered = sorted(first_seed, key=lambda row: (float(row[metric]), row["image"]))
    return ordered[(len(ordered) - 1) // 2]["image"]


def _restored_path(result: Result, key: str) -> Path:
    return picture_path(result.folder / f"seed-{result.seeds[0]}" / RESTORED, key)


def _read(path: Path) -> Picture:
    return np.asarray(read_photo(path).pixels, np.uint8)


def _most_changed(sharp: Picture, blurred: Picture) -> tuple[int, int]:
    """Top and left of the close-up in which blurring changed most."""
    return _strongest(np.square(sharp.astype(np.float64) - blurred).mean(axis=2))


def _most_detailed(picture: Picture) -> tuple[int, int]:
    grey = picture.astype(np.float64).mean(axis=2)
    return _strongest(np.hypot(*np.gradient(grey)))


def _strongest(energy: NDArray[np.float64]) -> tuple[int, int]:
    """Top and left of the window of CLOSE_UP pixels a side with the largest sum, searched in steps of 8."""
    sums = np.pad(energy.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    height, width = (min(CLOSE_UP, side) for side in energy.shape)
    windows = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    coarse = windows[::8, ::8]
    top, left = np.unravel_index(int(coarse.argmax()), coarse.shape)
    return int(top) * 8, int(left) * 8


def _around(picture: Picture, top: int, left: int) -> Picture:
    """CELL pixels a side around the close-up, which is framed."""
    y = _start(top - (CELL - CLOSE_UP) // 2, CELL, picture.shape[0])
    x = _start(left - (CELL - CLOSE_UP) // 2, CELL, picture.shape[1])
    cell = Image.fromarray(_cut(picture, y, x, CELL))
    box = (left - x - 1, top - y - 1, left - x + CLOSE_UP, top - y + CLOSE_UP)
    ImageDraw.Draw(cell).rectangle(box, outline=BOX_COLOR)
    return np.asarray(cell)


def _close_up(picture: Picture, top: int, left: int) -> Picture:
    """The close-up, every pixel ZOOM times as large."""
    return _cut(picture, top, left, CLOSE_UP).repeat(ZOOM, axis=0).repeat(ZOOM, axis=1)


def _start(wanted: int, size: int, available: int) -> int:
    return max(0, min(wanted, available - size))


def _cut(picture: Picture, top: int, left: int, size: int) -> Picture:
    """`size` pixels a side from (top, left), white where the picture ends."""
    cell = np.full((size, size, 3), 255, np.uint8)
    part = picture[top : top + size, left : left + size]
    cell[: part.shape[0], : part.shape[1]] = part
    return cell
