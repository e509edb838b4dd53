"""The pictures of a data set on the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from deblurbench.records.paths import BLURRED
from deblurbench.report.findings.comparison import Comparison
from deblurbench.report.findings.metric_agreement import MetricAgreement
from deblurbench.report.pictures.crops import Picture, around, crop, most_changed, most_detailed, scale_down
from deblurbench.report.pictures.embedding import EmbeddedPictures, PictureView
from deblurbench.report.pictures.error_maps import error_map
from deblurbench.report.pictures.grids import really_blurred_results
from deblurbench.report.pictures.median_image import MedianImage
from deblurbench.report.pictures.stored_pictures import has_restored, read_restored, read_sharp
from deblurbench.report.results import Result

VIEW, EXAMPLE, CLOSE_UP = 384, 120, 64  # pixels a side of the slider, of examples and of what close-ups enlarge
ERROR_QUALITY = 65  # of JPEG
RANKS = ("most improved", "median", "worst")


@dataclass(frozen=True)
class GalleryEntry:
    """The median image blurred, sharp, or as one model restored it: a part, a close-up, the whole, and its error."""

    name: str
    score: str  # empty for the sharp one
    view: PictureView
    close_up: PictureView
    whole: PictureView  # no larger than VIEW, as is the error
    error: PictureView | None = None  # of models alone


@dataclass(frozen=True)
class Gallery:
    """The median image blurred, sharp and as all models restored it, all at the same place."""

    image: str
    blurred: GalleryEntry
    sharp: GalleryEntry
    models: tuple[GalleryEntry, ...]
    best: GalleryEntry  # what the slider shows first: of the models that are ranked the best
    error_limit: float  # of 255, shown as white by error maps
    missing: tuple[str, ...]  # models whose pictures are not stored

    @property
    def entries(self) -> tuple[GalleryEntry, ...]:
        """All of them, the blurred and the sharp one first."""
        return (self.blurred, self.sharp, *self.models)


@dataclass(frozen=True)
class Example:
    """A test image of a model, chosen by the rank of its gain."""

    rank: str  # of RANKS
    image: str
    gain: str
    views: tuple[PictureView, ...]  # blurred, restored, sharp


@dataclass(frozen=True)
class DisagreementExample:
    """An image on which metrics prefer different models."""

    text: str
    views: tuple[PictureView, ...]  # blurred, restored by either, sharp


def gallery(median: MedianImage, comparison: Comparison, embedded: EmbeddedPictures) -> Gallery:
    """Embed the median image of a data set blurred, sharp, and as each model restored it."""
    box = median.close_up(CLOSE_UP)
    view = around(median.sharp, box, VIEW)

    def entry(name: str, picture: Picture, caption: str, error: PictureView | None = None) -> GalleryEntry:
        shown, whole = embedded.add(crop(picture, view), caption), embedded.add(scale_down(picture, VIEW), f"{caption}, whole")
        close_up = embedded.add(crop(picture, box), f"{caption}, close-up", quality=None)
        return GalleryEntry(name, median.scores.get(name, ""), shown, close_up, whole, error)

    models = []
    for model, picture in median.restored.items():
        errors = error_map(picture, median.sharp, median.error_limit)
        error = embedded.add(scale_down(errors, VIEW), f"error of {model}", ERROR_QUALITY)
        models.append(entry(model, picture, f"restored by {model}", error))
    ranked = {result.model for result in comparison.ranked}
    best = next((one for one in models if one.name in ranked), models[0])
    blurred, sharp = entry(BLURRED, median.blurred, "blurred"), entry("sharp", median.sharp, "sharp")
    return Gallery(median.name, blurred, sharp, tuple(models), best, median.error_limit, median.missing)


def examples(comparison: Comparison, embedded: EmbeddedPictures) -> dict[str, list[Example]]:
    """Embed by model its most improved, median and worst image, by the gain in PSNR and then by name."""
    found: dict[str, list[Example]] = {}
    for result in comparison.results:
        if result.is_input:
            continue
        of_model = [
            Example(rank, image, f"{gain:+.2f} dB", views)
            for rank, image, gain in _ranked_images(comparison, result)
            if (views := _views(comparison, [result], image, embedded))
        ]
        if of_model:
            found[result.model] = of_model
    return found


def disagreement_examples(
    comparison: Comparison, agreement: MetricAgreement, embedded: EmbeddedPictures
) -> list[DisagreementExample]:  # fmt: skip
    """Embed the images on which metrics prefer different models most clearly, restored by either."""
    by_name = {result.model: result for result in comparison.results}
    found = []
    for one in agreement.disagreements:
        models = (one.preferred_by_psnr, one.preferred_by_perceptual)
        if not comparison.may_show(one.image):
            continue
        if views := _views(comparison, [by_name[model] for model in models], one.image, embedded):
            found.append(DisagreementExample(one.sentence, views))
    return found


def really_blurred_photographs(comparison: Comparison, embedded: EmbeddedPictures) -> list[tuple[str, list[PictureView]]]:
    """Embed the really blurred photographs as every model restored them, by name."""
    ordered = really_blurred_results(comparison)
    rows = []
    for image in filter(comparison.may_show, comparison.blurred_input.really_blurred_names):
        embedded.note_missing(ordered, image)
        stored = {result.model: read_restored(result, image) for result in ordered if has_restored(result, image)}
        if stored:
            first = next(iter(stored.values()))
            view = around(first, most_detailed(first, CLOSE_UP), VIEW)
            rows.append((image, [embedded.add(crop(picture, view), model) for model, picture in stored.items()]))
    return rows


def _ranked_images(comparison: Comparison, result: Result) -> Iterator[tuple[str, str, float]]:
    """Yield (rank, image, gain) of the images at RANKS, of those that may be shown."""
    gains = comparison.scores.gain(comparison.primary_metric, result.model, BLURRED)
    ordered = sorted(
        (
            (float(gain), image)
            for gain, image in zip(gains, comparison.scores.images, strict=True)
            if np.isfinite(gain) and comparison.may_show(image)
        ),
        key=lambda pair: (-pair[0], pair[1]),
    )
    if not ordered:
        return
    for rank, index in zip(RANKS, (0, (len(ordered) - 1) // 2, len(ordered) - 1), strict=True):
        yield rank, ordered[index][1], ordered[index][0]


def _views(
    comparison: Comparison, models: Sequence[Result], image: str, embedded: EmbeddedPictures
) -> tuple[PictureView, ...]:  # fmt: skip
    """Embed the part that blur changed most: blurred, restored by each of `models`, sharp. Empty if one is not stored."""
    blurred_input = comparison.blurred_input
    if embedded.note_missing([blurred_input, *models], image, blurred_input=blurred_input):
        return ()
    sharp, blurred = read_sharp(blurred_input, image), read_restored(blurred_input, image)
    box = most_changed(sharp, blurred, EXAMPLE)
    restored = [embedded.add(crop(read_restored(one, image), box), f"{image} restored by {one.model}") for one in models]
    return (embedded.add(crop(blurred, box), f"{image} blurred"), *restored, embedded.add(crop(sharp, box), f"{image} sharp"))
