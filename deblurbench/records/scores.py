"""The scores of one image."""

from __future__ import annotations

from dataclasses import dataclass

from deblurbench.records.validation import ImageName, Score, Spread


@dataclass(frozen=True)
class ImageScores:
    """The scores of a test image by metric; `blur` is the kind of its blur and `spread` that of its kernel in pixels."""

    image: ImageName
    scene: str
    blur: str
    spread: Spread | None
    scores: dict[str, Score]


@dataclass(frozen=True)
class UnpairedScores:
    """The scores of a photograph without a sharp counterpart, by no-reference metric."""

    image: ImageName
    scores: dict[str, Score]
