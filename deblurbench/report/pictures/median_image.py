"""The test image that stands for a data set: the one of median PSNR when blurred, chosen by rule and not by hand."""

from __future__ import annotations

from dataclasses import dataclass

from deblurbench.report.findings.comparison import Comparison
from deblurbench.report.formatting import format_score
from deblurbench.report.pictures.crops import Box, Picture, most_changed
from deblurbench.report.pictures.error_maps import error_limit
from deblurbench.report.pictures.stored_pictures import has_restored, has_sharp, read_restored, read_sharp


@dataclass(frozen=True)
class MedianImage:
    """The test image of median PSNR when blurred, as every model restored it."""

    name: str
    sharp: Picture
    blurred: Picture
    restored: dict[str, Picture]  # by model, in the order of the table; those that are stored
    scores: dict[str, str]  # by model, and of the blurred input
    missing: tuple[str, ...]  # models whose pictures are not stored
    error_limit: float  # of 255, shown as white by error maps

    def close_up(self, size: int) -> Box:
        """Return the box of at most `size` x `size` pixels where blur changed it most."""
        return most_changed(self.sharp, self.blurred, size)


def read_median_image(comparison: Comparison) -> MedianImage | None:
    """Read the median image of a data set. None if its pictures are not stored or none may be shown, or there is no model."""
    blurred_input, image = comparison.blurred_input, median_image_name(comparison)
    if image is None:
        return None
    models = [result for result in comparison.results if not result.is_input]
    stored = [result for result in models if has_restored(result, image)]
    if not stored or not has_restored(blurred_input, image) or not has_sharp(blurred_input, image):
        return None
    sharp, blurred = read_sharp(blurred_input, image), read_restored(blurred_input, image)
    return MedianImage(
        name=image,
        sharp=sharp,
        blurred=blurred,
        restored={result.model: read_restored(result, image) for result in stored},
        scores={
            result.model: f"{format_score(result.first_score(image, comparison.primary_metric), 2)} dB"
            for result in (blurred_input, *stored)
        },
        missing=tuple(result.model for result in models if result not in stored),
        error_limit=error_limit(blurred, sharp),
    )


def median_image_name(comparison: Comparison) -> str | None:
    """Return the name of the test image of median PSNR when blurred, of those that may be shown; the first by name of two."""
    values = comparison.scores.values[comparison.primary_metric][comparison.blurred_input.model]
    ordered = sorted(pair for pair in zip(values, comparison.scores.images, strict=True) if comparison.may_show(pair[1]))
    return ordered[(len(ordered) - 1) // 2][1] if ordered else None
