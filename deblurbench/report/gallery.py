"""Pictures for the page: each is embedded once, and shown whole, in part and enlarged by reference."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from deblurbench.files import digest
from deblurbench.report.agreement import Agreement
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
from deblurbench.report.grids import median_image
from deblurbench.report.results import Result, Results
from deblurbench.results_folder import BLURRED

VIEW, EXAMPLE, CLOSE_UP = 240, 120, 40  # pixels a side of the slider, of examples and of what close-ups enlarge
QUALITY, QUALITY_OF_ERRORS = 80, 65  # of JPEG; the exact pixels are in the results folder
WHICH = ("most improved", "median", "worst")


@dataclass(frozen=True)
class Shot:
    """A picture in the page: which embedded one, what part of it in its own pixels, and what it is."""

    picture: str
    view: Box
    caption: str

    def part(self, box: Box) -> Shot:
        """The same picture, only `box` of it."""
        return Shot(self.picture, box, f"{self.caption}, close-up")


@dataclass
class Album:
    """The pictures that a page embeds, each once."""

    pictures: dict[str, str] = field(default_factory=dict)  # name -> data URI
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)  # name -> width and height

    def add(self, picture: Picture, caption: str, quality: int = QUALITY) -> Shot:
        """Embed `picture`, unless it is there already."""
        height, width = picture.shape[:2]
        name = "p" + digest(repr(picture.shape).encode() + np.ascontiguousarray(picture).tobytes())
        if name not in self.pictures:
            buffer = io.BytesIO()
            Image.fromarray(np.ascontiguousarray(picture)).save(buffer, "JPEG", quality=quality, subsampling=0)
            self.pictures[name] = "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
            self.sizes[name] = (width, height)
        return Shot(name, Box(0, 0, width, height), caption)


@dataclass(frozen=True)
class GridRow:
    """One model on the photograph of the grid."""

    model: str
    score: str
    shots: tuple[Shot, ...]  # blurred, restored, sharp, close-up, error


@dataclass(frozen=True)
class Grid:
    """The photograph of the grid: all models on it, and what the slider lays over each other."""

    image: str
    rows: tuple[GridRow, ...]
    best: str  # the model that the slider shows first: the best that competes
    blurred: Shot
    sharp: Shot
    brightest: float  # error, of 255, that error maps show as white


@dataclass(frozen=True)
class Example:
    """A test image of a model, chosen by rule."""

    which: str
    image: str
    gain: str
    shots: tuple[Shot, ...]  # blurred, restored, sharp


@dataclass(frozen=True)
class Dispute:
    """An image on which metrics prefer different models."""

    text: str
    shots: tuple[Shot, ...]  # blurred, the one's, the other's, sharp


def grid(results: Results, comparison: Comparison, album: Album) -> Grid | None:
    """The test image of median PSNR when blurred, as each model restored it. None where no picture is stored."""
    untouched, key = results.input_of(comparison.dataset), median_image(comparison)
    models = [result for result in comparison.results if not result.is_input]
    if not models or not has_pictures(untouched, key):
        return None
    sharp, blurred = sharp_picture(untouched, key), restored_picture(untouched, key)
    close, brightest = most_changed(sharp, blurred, CLOSE_UP), scale_of_errors(blurred, sharp)
    view = around(sharp, close, VIEW)
    inside = Box(close.left - view.left, close.top - view.top, close.width, close.height)
    first, last = album.add(cut(blurred, view), "blurred"), album.add(cut(sharp, view), "sharp")
    rows = []
    for result in models:
        restored = restored_picture(result, key)
        shot = album.add(cut(restored, view), f"restored by {result.model}")
        error = album.add(cut(error_map(restored, sharp, brightest), view), f"error of {result.model}", QUALITY_OF_ERRORS)
        rows.append(GridRow(result.model, _score(results, result, key), (first, shot, last, shot.part(inside), error)))
    best = (comparison.competitors or models)[0].model
    return Grid(key, tuple(rows), best, first, last, brightest)


def examples(results: Results, comparison: Comparison, album: Album) -> dict[str, list[Example]]:
    """Of each model the image that gained most, the median and the worst, by the gain in PSNR and then by name."""
    untouched = results.input_of(comparison.dataset)
    found: dict[str, list[Example]] = {}
    for result in comparison.results:
        if result.is_input or not all(has_pictures(one, comparison.scores.images[0]) for one in (untouched, result)):
            continue
        found[result.model] = [
            Example(which, image, f"{gain:+.2f} dB", _shots(untouched, [result], image, album))
            for which, image, gain in _chosen(results, comparison, result)
        ]
    return found


def disputes(results: Results, comparison: Comparison, found: Agreement, album: Album) -> list[Dispute]:
    """The images on which metrics prefer different models most clearly, restored by either."""
    untouched = results.input_of(comparison.dataset)
    by_name = {result.model: result for result in comparison.results}
    shown = []
    for case in found.cases:
        models = [by_name[case.by_first], by_name[case.by_perceptual]]
        if all(has_pictures(one, case.image) for one in (untouched, *models)):
            text = f"'{case.image}': PSNR prefers {case.by_first}, the perceptual score {case.by_perceptual}"
            shown.append(Dispute(text, _shots(untouched, models, case.image, album)))
    return shown


def shown_photographs(results: Results, dataset: str, album: Album) -> list[tuple[str, list[Shot]]]:
    """The really blurred photographs as every model restored them: (name, shots)."""
    untouched = results.input_of(dataset)
    ordered = [untouched, *(result for result in results.of(dataset) if result.competes)]
    rows = []
    for key in shown_keys(untouched):
        if all(has_pictures(result, key) for result in ordered):
            pictures = [restored_picture(result, key) for result in ordered]
            view = around(pictures[0], most_detailed(pictures[0], CLOSE_UP), VIEW)
            shots = [album.add(cut(one, view), result.model) for one, result in zip(pictures, ordered, strict=True)]
            rows.append((key, shots))
    return rows


def _chosen(results: Results, comparison: Comparison, result: Result) -> Iterator[tuple[str, str, float]]:
    gains = comparison.scores.gain(results.first, result.model, BLURRED)
    ordered = sorted(
        ((float(gain), image) for gain, image in zip(gains, comparison.scores.images, strict=True) if np.isfinite(gain)),
        key=lambda pair: (-pair[0], pair[1]),
    )
    if not ordered:
        return
    for which, place in zip(WHICH, (0, (len(ordered) - 1) // 2, len(ordered) - 1), strict=True):
        yield which, ordered[place][1], ordered[place][0]


def _shots(untouched: Result, models: Sequence[Result], image: str, album: Album) -> tuple[Shot, ...]:
    """Blurred, restored by each of `models`, sharp: the part that blur changed most."""
    sharp, blurred = sharp_picture(untouched, image), restored_picture(untouched, image)
    box = most_changed(sharp, blurred, EXAMPLE)
    restored = [album.add(cut(restored_picture(one, image), box), f"{image} restored by {one.model}") for one in models]
    return (album.add(cut(blurred, box), f"{image} blurred"), *restored, album.add(cut(sharp, box), f"{image} sharp"))


def _score(results: Results, result: Result, key: str) -> str:
    value = next(float(row[results.first]) for row in result.images if row["image"] == key)
    return "infinite" if np.isinf(value) else f"{value:.2f} dB"
