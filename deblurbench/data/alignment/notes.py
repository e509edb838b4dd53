"""Notes on scores of pairs that were not aligned."""

from __future__ import annotations

import statistics
from collections.abc import Iterable

from deblurbench.data.alignment.estimation import align, is_measurable
from deblurbench.images.photo import Pixels


def misalignment(pairs: Iterable[tuple[Pixels, Pixels]]) -> str | None:
    """Describe the displacements of (blurred, sharp) `pairs` if most are not aligned; None where they are, or are too small."""
    found = [align(*pair) for pair in pairs if is_measurable(pair[0])]
    aligned = [alignment for alignment in found if alignment and alignment.is_aligned]
    if 2 * len(aligned) >= len(found):
        return None
    matched = [alignment.displacement for alignment in found if alignment]
    return _summary(matched) if matched else f"none of {len(found)} could even be matched: do they show one scene?"


def misalignment_note(apart: str, *, used: bool) -> str:
    """A note on pairs with these displacements, which are `used` as they are, or not."""
    if used:
        return f"its pairs are not aligned ({apart}) and are used as they are (`register: false`): scores measure that, too"
    return (
        f"its pairs are not aligned ({apart}), so the sharp side was blurred by us instead; set `blur` to choose how, or "
        "`register: true` to register the pairs, `false` to use them as they are"
    )


def registration_note(displacements: list[float]) -> str:
    """A note on registered pairs that had these displacements in pixels."""
    apart = _summary(displacements) if displacements else "none was found"
    return (
        f"registered pairs: separate exposures ({apart}), the sharp one warped onto the blurred one and adapted in exposure, "
        "both cropped to their overlap; scores contain the errors of registration and are not comparable with others"
    )


def _summary(displacements: list[float]) -> str:
    median, largest = statistics.median(displacements), max(displacements)
    return f"{median:.0f} pixels apart in the median of {len(displacements)}, {largest:.0f} at most"
