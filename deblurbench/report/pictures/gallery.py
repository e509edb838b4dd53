"""Pictures for the page: each is embedded once, and shown whole, in part and enlarged by reference."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from deblurbench.files import digest
from deblurbench.records.paths import BLURRED
from deblurbench.report.findings.comparison import Comparison
from deblurbench.report.findings.metric_agreement import Agreement
from deblurbench.report.pictures.crops import (
    Box,
    Picture,
    around,
    cut,
    error_map,
    has_picture,
    has_truth,
    most_changed,
    most_detailed,
    picture_name,
    restored_picture,
    sharp_picture,
    shown_keys,
    truth_name,
)
from deblurbench.report.pictures.grids import shown_by
from deblurbench.report.pictures.median_image import Subject
from deblurbench.report.results import Result

VIEW, EXAMPLE, CLOSE_UP = 240, 120, 40  # pixels a side of the slider, of examples and of what close-ups enlarge
QUALITY, QUALITY_OF_ERRORS = 80, 65  # of JPEG; the exact pixels are in the results folder
NAMED = 3  # of the pictures that are missing
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
    missing: set[str] = field(default_factory=set)  # names of files that would be shown, and are not there or damaged

    def lacks(self, results: Sequence[Result], key: str, *, truth: Result | None = None) -> bool:
        """Whether some of `results` have no whole picture of the image `key`, or `truth` (the input) no sharp one."""
        lost = {picture_name(result, key) for result in results if not has_picture(result, key)}
        if truth is not None and not has_truth(truth, key):
            lost.add(truth_name(truth, key))
        self.missing |= lost
        return bool(lost)

    @property
    def missing_note(self) -> str:
        """What is said of pictures that are missing; empty where none is."""
        names = sorted(self.missing)
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        what = f"Pictures that are missing or damaged, and left out: {', '.join(names[:NAMED])}{more}"
        return f"{what}; run the experiment again, which restores them." if names else ""

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
    missing: tuple[str, ...]  # models whose pictures were not kept


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


def grid(subject: Subject, comparison: Comparison, album: Album) -> Grid:
    """A data set's subject as each model restored it."""
    close = subject.close_up(CLOSE_UP)
    view = around(subject.sharp, close, VIEW)
    inside = Box(close.left - view.left, close.top - view.top, close.width, close.height)
    first, last = album.add(cut(subject.blurred, view), "blurred"), album.add(cut(subject.sharp, view), "sharp")
    rows = []
    for model, restored in subject.restored.items():
        shot = album.add(cut(restored, view), f"restored by {model}")
        errors = cut(error_map(restored, subject.sharp, subject.brightest), view)
        error = album.add(errors, f"error of {model}", QUALITY_OF_ERRORS)
        rows.append(GridRow(model, subject.scores[model], (first, shot, last, shot.part(inside), error)))
    competing = [result.model for result in comparison.competitors if result.model in subject.restored]
    best = (competing or list(subject.restored))[0]
    return Grid(subject.image, tuple(rows), best, first, last, subject.brightest, subject.missing)


def examples(comparison: Comparison, album: Album) -> dict[str, list[Example]]:
    """Of each model the image that gained most, the median and the worst, by the gain in PSNR and then by name."""
    found: dict[str, list[Example]] = {}
    for result in comparison.results:
        if result.is_input:
            continue
        shown = [
            Example(which, image, f"{gain:+.2f} dB", shots)
            for which, image, gain in _chosen(comparison, result)
            if (shots := _shots(comparison, [result], image, album))
        ]
        if shown:
            found[result.model] = shown
    return found


def disputes(comparison: Comparison, found: Agreement, album: Album) -> list[Dispute]:
    """The images on which metrics prefer different models most clearly, restored by either."""
    by_name = {result.model: result for result in comparison.results}
    shown = []
    for case in found.cases:
        shots = _shots(comparison, [by_name[case.by_first], by_name[case.by_perceptual]], case.image, album)
        if shots:
            text = f"'{case.image}': PSNR prefers {case.by_first}, the perceptual score {case.by_perceptual}"
            shown.append(Dispute(text, shots))
    return shown


def shown_photographs(comparison: Comparison, album: Album) -> list[tuple[str, list[Shot]]]:
    """The really blurred photographs as every model restored them: (name, shots)."""
    ordered = shown_by(comparison)
    rows = []
    for key in shown_keys(ordered[0]):
        album.lacks(ordered, key)
        kept = [result for result in ordered if has_picture(result, key)]
        pictures = [restored_picture(result, key) for result in kept]
        if pictures:
            view = around(pictures[0], most_detailed(pictures[0], CLOSE_UP), VIEW)
            rows.append((key, [album.add(cut(one, view), result.model) for one, result in zip(pictures, kept, strict=True)]))
    return rows


def _chosen(comparison: Comparison, result: Result) -> Iterator[tuple[str, str, float]]:
    gains = comparison.scores.gain(comparison.first, result.model, BLURRED)
    ordered = sorted(
        ((float(gain), image) for gain, image in zip(gains, comparison.scores.images, strict=True) if np.isfinite(gain)),
        key=lambda pair: (-pair[0], pair[1]),
    )
    if not ordered:
        return
    for which, place in zip(WHICH, (0, (len(ordered) - 1) // 2, len(ordered) - 1), strict=True):
        yield which, ordered[place][1], ordered[place][0]


def _shots(comparison: Comparison, models: Sequence[Result], image: str, album: Album) -> tuple[Shot, ...]:
    """Blurred, restored by each of `models`, sharp: the part that blur changed most. Empty where a picture was not kept."""
    untouched = comparison.untouched
    if album.lacks([untouched, *models], image, truth=untouched):
        return ()
    sharp, blurred = sharp_picture(untouched, image), restored_picture(untouched, image)
    box = most_changed(sharp, blurred, EXAMPLE)
    restored = [album.add(cut(restored_picture(one, image), box), f"{image} restored by {one.model}") for one in models]
    return (album.add(cut(blurred, box), f"{image} blurred"), *restored, album.add(cut(sharp, box), f"{image} sharp"))
