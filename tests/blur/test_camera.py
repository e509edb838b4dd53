from __future__ import annotations

import numpy as np
import pytest

from deblurbench.blur.camera import Camera, blur_whole, linear_to_srgb, srgb_to_linear
from deblurbench.blur.kernels import Gaussian, Motion
from deblurbench.images.cropping import window
from deblurbench.randomness import generator

QUIET = Camera(shot_noise=0, read_noise=0)


def delta(radius: int) -> np.ndarray:
    kernel = np.zeros((2 * radius + 1,) * 2, np.float32)
    kernel[radius, radius] = 1
    return kernel


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_no_blur_and_no_noise_change_nothing(dtype: type) -> None:
    values = np.arange(np.iinfo(dtype).max + 1, dtype=dtype)
    image = np.resize(values, (256, values.size // 256, 3)).astype(dtype)
    image = np.pad(image, ((2, 2), (2, 2), (0, 0)))
    out = QUIET.photograph(image, delta(2), generator(0))
    assert np.array_equal(out, image[2:-2, 2:-2])


def test_srgb_is_the_standard_and_its_own_inverse() -> None:
    assert srgb_to_linear(np.array(0.5)) == pytest.approx(0.21404, abs=1e-5)
    values = np.linspace(0, 1, 1001)
    assert np.abs(linear_to_srgb(srgb_to_linear(values)) - values).max() < 1e-6


def test_light_is_averaged_not_encoded_values() -> None:
    """Half black and half white light is sRGB 188, not 128."""
    stripes = np.zeros((9, 40, 3), np.uint8)
    stripes[:, ::2] = 255
    kernel = np.zeros((3, 3), np.float32)
    kernel[1] = 0.25, 0.5, 0.25
    assert np.unique(QUIET.photograph(stripes, kernel, generator(0))).tolist() == [188]


def test_it_convolves_rather_than_correlates() -> None:
    """A point of light becomes the kernel itself, not its mirror image."""
    point = np.zeros((9, 9, 3), np.uint8)
    point[4, 4] = 255
    kernel = np.zeros((5, 5), np.float32)
    kernel[2, 3], kernel[4, 2] = 0.75, 0.25  # right of the centre, and below it
    out = QUIET.photograph(point, kernel, generator(0))
    assert out[2, 3, 0] > out[4, 2, 0] > 0
    assert np.count_nonzero(out[..., 0]) == 2


def test_noise_grows_with_light_as_asked() -> None:
    camera = Camera(shot_noise=0.02, read_noise=0.005)
    for level in (40, 120, 200):
        image = np.full((200, 200, 3), level, np.uint8)
        light = srgb_to_linear(camera.photograph(image, delta(0), generator(level)) / 255)
        mean = srgb_to_linear(np.array(level / 255))
        assert light.std() == pytest.approx(np.hypot(0.02 * np.sqrt(mean), 0.005), rel=0.05)


def test_a_patch_sees_the_light_from_beyond_its_border(photo: np.ndarray) -> None:
    """Blurring a window with its margin is the same as cutting it out of the whole blurred photograph."""
    blur = Motion(length=(9.0, 9.0))
    kernel, radius = blur.kernel(generator(1)), blur.radius
    whole = QUIET.photograph(window(photo, -radius, -radius, 300 + 2 * radius, 451 + 2 * radius), kernel, generator(0))
    part = QUIET.photograph(window(photo, 50 - radius, 80 - radius, 64 + 2 * radius, 64 + 2 * radius), kernel, generator(0))
    assert whole.shape == photo.shape
    assert np.abs(part.astype(int) - whole[50:114, 80:144]).max() <= 1


def test_whole_photographs_keep_their_size_and_depend_on_their_key_alone(photo: np.ndarray) -> None:
    first, again, other = (blur_whole(photo, Gaussian(), Camera(), generator(key)) for key in ("a", "a", "b"))
    assert first.shape == photo.shape
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_windows_mirror_images_smaller_than_themselves(size: int) -> None:
    image = np.arange(size * size * 3, dtype=np.uint8).reshape(size, size, 3)
    expected = np.pad(image, ((7, 7), (7, 7), (0, 0)), mode="reflect") if size > 1 else np.tile(image, (15, 15, 1))
    assert np.array_equal(window(image, -7, -7, size + 14, size + 14), expected)
