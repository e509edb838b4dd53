"""Blur that varies over the picture: camera roll, two depths, an object that moves."""

from __future__ import annotations

import numpy as np
import pytest

from deblurbench.blur.base import DrawnBlur
from deblurbench.blur.camera import Camera, blur_image
from deblurbench.blur.rotation import DrawnRotation
from deblurbench.errors import UsageError
from deblurbench.images.photo import Pixels
from deblurbench.randomness import generator
from deblurbench.registry import BLURS

QUIET = Camera(shot_noise=0, read_noise=0)
TWO_DEPTHS = {"name": "two-layers", "near": {"name": "disk", "size": [4.0, 4.0]}, "far": {"name": "disk", "size": [1.0, 1.0]}}
MOVING = {"name": "two-layers", "near": {"name": "motion", "length": [12.0, 12.0]}, "far": "none"}


def dots(height: int, width: int, spacing: int) -> np.ndarray:
    """Points of light (height, width, 1) on a grid."""
    light = np.zeros((height, width, 1), np.float32)
    light[spacing // 2 :: spacing, spacing // 2 :: spacing] = 1
    return light


def expose(blur: DrawnBlur, light: np.ndarray) -> np.ndarray:
    return blur.expose(np.pad(light, ((blur.radius,) * 2, (blur.radius,) * 2, (0, 0))))


@pytest.mark.parametrize("spec", ["rotation", "two-layers", TWO_DEPTHS, MOVING])
def test_it_keeps_size_and_uniform_light_and_is_a_function_of_its_key(spec: str | dict[str, object], photo: Pixels) -> None:
    blur = BLURS.build(spec)
    assert not blur.has_kernel
    first, again, other = (blur_image(photo, blur, QUIET, generator(key)) for key in (1, 1, 2))
    assert first[0].shape == photo.shape
    assert np.array_equal(first[0], again[0])
    assert not np.array_equal(first[0], other[0])
    assert first[1].kernel is None
    even = np.full((90, 120, 3), 77, np.uint8)
    assert np.ptp(blur_image(even, blur, QUIET, generator(3))[0]) <= 1


def test_a_roll_draws_arcs_about_its_centre_that_grow_with_the_distance() -> None:
    """Each point becomes an arc, perpendicular to its radius, of the length at the corner times its share of the distance."""
    blur = DrawnRotation(16.0, (0.0, 0.0))
    image = expose(blur, dots(201, 201, 66))[..., 0]
    farthest = np.hypot(200, 200)
    rows, columns = np.mgrid[:201, :201]
    for y in (33, 99, 165):
        for x in (33, 99, 165):
            near = (np.abs(rows - y) <= 12) & (np.abs(columns - x) <= 12)
            weight = np.where(near, np.clip(image, 0, None), 0)
            weight /= weight.sum()
            tangent = np.array([-y, x]) / np.hypot(x, y)  # (x, y) of the perpendicular to the radius
            along = (columns - x) * tangent[0] + (rows - y) * tangent[1]
            across = (columns - x) * -tangent[1] + (rows - y) * tangent[0]
            arc = 16 * np.hypot(x, y) / farthest
            assert np.sqrt((weight * along**2).sum()) == pytest.approx(arc / np.sqrt(12), abs=0.45)  # of a uniform line
            assert np.sqrt((weight * across**2).sum()) < 0.75


def test_a_near_layer_is_blurred_by_its_own_kernel_and_covers_the_far_one() -> None:
    """In the middle of each layer points become its disk; the area of the near one is as drawn."""
    blur = BLURS.build({**TWO_DEPTHS, "far": "none"}).draw(generator(5))
    light = dots(300, 300, 20)
    image = expose(blur, light)[..., 0]
    mask = blur._mask(300 + 2 * blur.radius, 300 + 2 * blur.radius)[blur.radius : -blur.radius, blur.radius : -blur.radius, 0]
    inner = [mask[y - 9 : y + 10, x - 9 : x + 10] for y in range(30, 290, 20) for x in range(30, 290, 20)]
    peaks = [image[y, x] for y in range(30, 290, 20) for x in range(30, 290, 20)]
    near = [peak for peak, around in zip(peaks, inner, strict=True) if around.min() == 1]
    far = [peak for peak, around in zip(peaks, inner, strict=True) if around.max() == 0]
    assert len(near) > 5
    assert len(far) > 5
    assert np.allclose(near, 1 / (np.pi * 16), rtol=0.05)
    assert np.allclose(far, 1, atol=1e-3)
    assert 0.2 <= mask.mean() <= 0.62


def test_an_object_that_moves_lets_the_far_layer_show_through_and_loses_no_light() -> None:
    """White before white stays white everywhere, at the outline too: what is covered and what shows add up to one."""
    blur = BLURS.build(MOVING).draw(generator(1))
    white = np.ones((120 + 2 * blur.radius, 160 + 2 * blur.radius, 1), np.float32)
    assert np.allclose(blur.expose(white), 1, atol=0.01)


def test_layers_need_blurs_with_a_kernel() -> None:
    with pytest.raises(UsageError, match="near: give one blur that is the same at every pixel"):
        BLURS.build({"name": "two-layers", "near": "rotation"})
    with pytest.raises(UsageError, match="near: unknown blur 'dsk'; did you mean 'disk'"):
        BLURS.build({"name": "two-layers", "near": "dsk"})
