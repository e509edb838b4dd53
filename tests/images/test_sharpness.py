"""Blurred photographs are told from sharp ones, whatever the blur, the depth and the size."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from deblurbench.blur.camera import blur_image
from deblurbench.images.sharpness import looks_blurred
from deblurbench.randomness import generator
from deblurbench.registry import BLURS, CAMERAS


@pytest.mark.parametrize(
    "blur",
    [
        {"name": "gaussian", "sigma": [2.0, 2.0]},
        {"name": "disk", "size": [3.0, 3.0]},
        {"name": "motion", "length": [20.0, 20.0]},
    ],
    ids=lambda blur: blur["name"],
)
def test_a_blurred_photograph_is_told_from_the_sharp_one(photo: np.ndarray, blur: dict[str, object]) -> None:
    blurred, _ = blur_image(photo, BLURS.build(blur), CAMERAS.build("sensor"), generator("sharpness"))
    assert looks_blurred(blurred)
    assert looks_blurred(blurred.astype(np.uint16) * 257)
    assert not looks_blurred(photo)
    assert not looks_blurred(photo.astype(np.uint16) * 257)


def test_motion_along_one_direction_is_blur(photo: np.ndarray) -> None:
    """Horizontal edges stay as they were."""
    along = np.mean([np.roll(photo, shift, axis=1).astype(float) for shift in range(-5, 6)], axis=0).astype(np.uint8)
    assert looks_blurred(along)


def test_large_photographs_are_judged_as_on_a_screen_and_small_ones_not_at_all(photo: np.ndarray) -> None:
    mosaic = Image.fromarray(np.tile(photo, (3, 3, 1)))
    enlarged = np.asarray(mosaic.resize((2 * mosaic.width, 2 * mosaic.height), Image.Resampling.BICUBIC))
    assert enlarged.shape == (1800, 2706, 3)
    assert looks_blurred(enlarged) is False
    assert looks_blurred(enlarged[:900, :1200]) is True
    assert looks_blurred(photo[:64, :100]) is None
    assert looks_blurred(np.full((300, 300, 3), 90, np.uint8)) is not None
