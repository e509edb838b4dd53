"""The photograph that a data set is shown by: chosen by rule, not by hand."""

from __future__ import annotations

from dataclasses import dataclass

from deblurbench.report.findings.comparison import Comparison
from deblurbench.report.formatting import number
from deblurbench.report.pictures.crops import (
    Box,
    Picture,
    has_picture,
    has_truth,
    most_changed,
    restored_picture,
    scale_of_errors,
    sharp_picture,
)


@dataclass(frozen=True)
class Subject:
    """The test image of median PSNR when blurred, and what there is to see of it."""

    image: str
    sharp: Picture
    blurred: Picture
    restored: dict[str, Picture]  # by model, in the order of the table; of those whose pictures were kept
    scores: dict[str, str]  # by model
    missing: tuple[str, ...]  # models whose pictures were not kept
    brightest: float  # the error, of 255, that error maps show as white

    def close_up(self, size: int) -> Box:
        """Where blur changed it most, `size` pixels a side."""
        return most_changed(self.sharp, self.blurred, size)


def subject_of(comparison: Comparison) -> Subject | None:
    """The subject of a data set. None where no picture is stored, or there is no model."""
    untouched, image = comparison.untouched, median_image(comparison)
    models = [result for result in comparison.results if not result.is_input]
    kept = [result for result in models if has_picture(result, image)]
    if not kept or not has_picture(untouched, image) or not has_truth(untouched, image):
        return None
    sharp, blurred = sharp_picture(untouched, image), restored_picture(untouched, image)
    first_seed = {result.model: next(row for row in result.images if row.image == image) for result in kept}
    return Subject(
        image,
        sharp,
        blurred,
        {result.model: restored_picture(result, image) for result in kept},
        {model: f"{number(row.scores[comparison.first], 2)} dB" for model, row in first_seed.items()},
        tuple(result.model for result in models if result not in kept),
        scale_of_errors(blurred, sharp),
    )


def median_image(comparison: Comparison) -> str:
    """The test image of median PSNR when blurred; the first by name of two."""
    values = comparison.scores.values[comparison.first][comparison.untouched.model]
    ordered = sorted(zip(values, comparison.scores.images, strict=True))
    return ordered[(len(ordered) - 1) // 2][1]
