from __future__ import annotations

import numpy as np
import pytest
import torch

from deblurbench.blur.base import DrawnKernel
from deblurbench.blur.camera import Camera, blur_image
from deblurbench.blur.convolution import convolve
from deblurbench.blur.kernels import Gaussian, Motion
from deblurbench.blur.light import linear_to_srgb, srgb_to_linear
from deblurbench.blur.old_photo import OldPhoto
from deblurbench.errors import UsageError
from deblurbench.images.cropping import window
from deblurbench.images.photo import Pixels
from deblurbench.randomness import generator
from deblurbench.registry import CAMERAS

QUIET = Camera(shot_noise=0, read_noise=0)


def _light(values: np.ndarray) -> np.ndarray:
    return srgb_to_linear(torch.from_numpy(values)).numpy()


def drawn(kernel: np.ndarray) -> DrawnKernel:
    return DrawnKernel(kernel, {"kind": "test"})


def delta(radius: int) -> DrawnKernel:
    kernel = np.zeros((2 * radius + 1,) * 2, np.float32)
    kernel[radius, radius] = 1
    return drawn(kernel)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_no_blur_and_no_noise_change_nothing(dtype: type) -> None:
    values = np.arange(np.iinfo(dtype).max + 1, dtype=dtype)
    image = np.resize(values, (256, values.size // 256, 3)).astype(dtype)
    image = np.pad(image, ((2, 2), (2, 2), (0, 0)))
    out = QUIET.photograph(image, delta(2), generator(0))
    assert np.array_equal(out, image[2:-2, 2:-2])


def test_srgb_is_the_standard_and_its_own_inverse() -> None:
    assert float(srgb_to_linear(torch.tensor(0.5))) == pytest.approx(0.21404, abs=1e-5)
    values = torch.linspace(0, 1, 1001)
    assert (linear_to_srgb(srgb_to_linear(values)) - values).abs().max() < 1e-6


def test_light_is_averaged_not_encoded_values() -> None:
    """Half black and half white light is sRGB 188, not 128."""
    stripes = np.zeros((9, 40, 3), np.uint8)
    stripes[:, ::2] = 255
    kernel = np.zeros((3, 3), np.float32)
    kernel[1] = 0.25, 0.5, 0.25
    assert np.unique(QUIET.photograph(stripes, drawn(kernel), generator(0))).tolist() == [188]


def test_it_convolves_rather_than_correlates() -> None:
    """A point of light becomes the kernel itself, not its mirror image."""
    point = np.zeros((9, 9, 3), np.uint8)
    point[4, 4] = 255
    kernel = np.zeros((5, 5), np.float32)
    kernel[2, 3], kernel[4, 2] = 0.75, 0.25  # right of the centre, and below it
    out = QUIET.photograph(point, drawn(kernel), generator(0))
    assert out[2, 3, 0] > out[4, 2, 0] > 0
    assert np.count_nonzero(out[..., 0]) == 2


def test_noise_grows_with_light_as_asked() -> None:
    camera = Camera(shot_noise=0.02, read_noise=0.005)
    for level in (40, 120, 200):
        image = np.full((200, 200, 3), level, np.uint8)
        light = _light(camera.photograph(image, delta(0), generator(level)) / 255)
        mean = _light(np.array([level / 255]))
        assert light.std() == pytest.approx(np.hypot(0.02 * np.sqrt(mean), 0.005), rel=0.05)


def test_a_patch_sees_the_light_from_beyond_its_border(photo: np.ndarray) -> None:
    """Blurring a window with its margin is the same as cutting it out of the whole blurred photograph."""
    blur = Motion(length=(9.0, 9.0))
    kernel, radius = blur.draw(generator(1)), blur.radius
    whole = QUIET.photograph(window(photo, -radius, -radius, 300 + 2 * radius, 451 + 2 * radius), kernel, generator(0))
    part = QUIET.photograph(window(photo, 50 - radius, 80 - radius, 64 + 2 * radius, 64 + 2 * radius), kernel, generator(0))
    assert whole.shape == photo.shape
    assert np.abs(part.astype(int) - whole[50:114, 80:144]).max() <= 1


def test_what_each_photograph_draws_of_noise_and_compression_lies_in_its_range() -> None:
    """A quarter without noise, half without compression, and noise of any strength up to the highest."""
    image = np.full((96, 96, 3), 40_000, np.uint16)
    light = float(_light(np.array([40_000 / 65535]))[0])
    camera = Camera(shot_noise=(0, 0.02), read_noise=(0, 0), noise_probability=0.75)
    deviations = np.array(
        [_light(camera.photograph(image, delta(0), generator(key)) / 65535).std() / np.sqrt(light) for key in range(400)]
    )
    assert 70 <= np.sum(deviations < 1e-9) <= 130
    noisy = deviations[deviations > 0.001]
    assert np.percentile(noisy, [25, 50, 75]) == pytest.approx([0.005, 0.01, 0.015], abs=0.0015)
    assert noisy.max() < 0.0215
    compressing = Camera(shot_noise=0, read_noise=0, jpeg=(10, 10), jpeg_probability=0.5)
    texture = generator(1).integers(0, 256, (64, 64, 3), np.uint8)
    same = sum(np.array_equal(compressing.photograph(texture, delta(0), generator(key)), texture) for key in range(200))
    assert 75 <= same <= 125
    with pytest.raises(UsageError, match=r"read_noise is \[lowest, highest\], not \[0.2, 0.1\]"):
        CAMERAS.build({"name": "sensor", "read_noise": [0.2, 0.1]})


def test_whole_photographs_keep_their_size_and_depend_on_their_key_alone(photo: np.ndarray) -> None:
    first, again, other = (blur_image(photo, Gaussian(), Camera(), generator(key))[0] for key in ("a", "a", "b"))
    assert first.shape == photo.shape
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_windows_mirror_images_smaller_than_themselves(size: int) -> None:
    image = np.arange(size * size * 3, dtype=np.uint8).reshape(size, size, 3)
    expected = np.pad(image, ((7, 7), (7, 7), (0, 0)), mode="reflect") if size > 1 else np.tile(image, (15, 15, 1))
    assert np.array_equal(window(image, -7, -7, size + 14, size + 14), expected)


@pytest.mark.parametrize(("height", "width", "radius"), [(9, 40, 2), (61, 64, 13), (27, 27, 13), (5, 5, 0)])
def test_convolution_is_the_sum_that_it_stands_for(height: int, width: int, radius: int) -> None:
    random = np.random.default_rng(0)
    image = random.random((height, width, 3), np.float32)
    kernel = random.random((2 * radius + 1,) * 2, np.float32)
    out = convolve(image, kernel)
    expected = np.zeros((height - 2 * radius, width - 2 * radius, 3))
    for row in range(2 * radius + 1):
        for column in range(2 * radius + 1):
            shifted = image[2 * radius - row :, 2 * radius - column :][: expected.shape[0], : expected.shape[1]]
            expected += kernel[row, column] * shifted.astype(np.float64)
    assert out.dtype == np.float32
    assert np.abs(out - expected).max() < 1e-5 * expected.max()


def test_noise_is_normal() -> None:
    """Its numbers come from a table of quantiles: mean, deviation, skew, kurtosis and neighbours must not tell."""
    image = np.full((512, 512, 3), 128, np.uint16) * 257
    camera = Camera(shot_noise=0, read_noise=0.01)
    light = _light(camera.photograph(image, delta(0), generator(0)) / 65535).ravel()
    values = (light - light.mean()) / light.std()
    assert light.std() == pytest.approx(0.01, rel=0.005)
    assert np.mean(values**3) == pytest.approx(0, abs=0.02)
    assert np.mean(values**4) == pytest.approx(3, abs=0.03)
    assert np.mean(values[1:] * values[:-1]) == pytest.approx(0, abs=0.005)


def test_clipped_light_burns_streaks() -> None:
    """A lamp that the file clipped stays white though its light is spread over nine pixels; a grey card does not."""
    kernel = np.zeros((9, 9), np.float32)
    kernel[4] = 1 / 9
    lamp, card = (np.zeros((40, 40, 3), np.uint8) for _ in range(2))
    lamp[20, 20], card[20, 20] = 255, 180
    blazing = Camera(highlights=50, shot_noise=0, read_noise=0)
    key = next(number for number in range(100) if 50 ** generator(number).uniform() ** 2 > 20)
    assert QUIET.photograph(lamp, drawn(kernel), generator(key)).max() < 100
    streak = blazing.photograph(lamp, drawn(kernel), generator(key))[16, 12:21, 0]
    assert (streak == 255).all()
    assert np.array_equal(
        blazing.photograph(card, drawn(kernel), generator(key)), QUIET.photograph(card, drawn(kernel), generator(key))
    )


def test_correlated_noise_has_the_strength_of_white_noise() -> None:
    grey = np.full((200, 200, 3), 32768, np.uint16)
    both = [
        Camera(shot_noise=0.05, read_noise=0, correlated_noise=share).photograph(grey, delta(0), generator(0)).astype(float)
        for share in (0.0, 1.0)
    ]
    white, correlated = (np.corrcoef(one[:, 1:].ravel(), one[:, :-1].ravel())[0, 1] for one in both)
    assert abs(white) < 0.02 < 0.2 < correlated
    assert both[0].std() == pytest.approx(both[1].std(), rel=0.03)
    drawn_for = [Camera(correlated_noise=0.5).photograph(grey[:60, :60], delta(0), generator(key)) for key in range(40)]
    neighbours = [np.corrcoef(one[:, 1:].ravel(), one[:, :-1].ravel())[0, 1] for one in map(np.asarray, drawn_for)]
    assert 8 < sum(value > 0.06 for value in neighbours) < 32


def test_highlights_leave_what_was_not_clipped_and_have_no_noise_where_they_are_far_beyond_full_light() -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    for key in range(20):
        brighter = Camera(highlights=10, shot_noise=0, read_noise=0).photograph(ramp, delta(0), generator(key)).astype(int)
        assert np.array_equal(brighter[:, :253], ramp[:, :253])
        assert np.abs(brighter - ramp).max() <= 2
    white = np.full((50, 50, 3), 255, np.uint8)
    key = next(number for number in range(100) if 10 ** generator(number).uniform() ** 2 > 5)
    assert (Camera(highlights=10, shot_noise=0.05).photograph(white, delta(0), generator(key)) == 255).all()
    assert (Camera(shot_noise=0.05).photograph(white, delta(0), generator(key)) < 255).any()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_jpeg_leaves_its_marks_in_any_depth_and_at_any_offset(photo: np.ndarray, dtype: type) -> None:
    image: Pixels = photo if dtype == np.uint8 else photo.astype(np.uint16) * 257
    scale = np.iinfo(dtype).max / 255

    def error(quality: int, key: int) -> float:
        out = Camera(shot_noise=0, read_noise=0, jpeg=(quality, quality)).photograph(image, delta(0), generator(key))
        assert out.shape == image.shape
        assert out.dtype == dtype
        return float(np.abs(out.astype(float) - image).mean() / scale)

    assert error(95, 0) < 3 < error(10, 0) < 12
    assert len({error(30, key) for key in range(4)}) >= 3  # other grids


def test_jpeg_keeps_red_red() -> None:
    image = np.zeros((32, 32, 3), np.uint8)
    image[..., 0] = 200
    out = Camera(shot_noise=0, read_noise=0, jpeg=(95, 95)).photograph(image, delta(0), generator(0))
    assert np.abs(out.astype(int) - image).max() < 8


def test_an_old_photograph_is_faded_grainy_and_scratched(photo: np.ndarray) -> None:
    def aged(key: int = 1, **options: float) -> np.ndarray:
        settings = {"fading": 0.0, "grain": 0.0, "scratches": 0.0, "dust": 0.0, "resolution": 1.0, **options}
        return OldPhoto(shot_noise=0, read_noise=0, **settings).photograph(photo, delta(0), generator(key)).astype(float)

    assert np.abs(aged() - photo).max() <= 1  # nothing of it is nothing
    faded = aged(key=4, fading=1.0)  # of which this key draws 0.42
    assert faded.min() > photo.min() + 10
    assert faded[..., 2].max() < photo[..., 2].max() - 10  # blue goes first: it yellows
    assert np.ptp(faded) < np.ptp(photo)
    grain = aged(grain=0.2) - photo
    assert grain.std() > 3
    assert np.corrcoef(grain[..., 0].ravel(), grain[..., 1].ravel())[0, 1] > 0.9  # silver has no colour
    assert np.corrcoef(grain[1:, :, 0].ravel(), grain[:-1, :, 0].ravel())[0, 1] > 0.3  # grains are larger than a pixel
    scratched = np.abs(aged(scratches=100.0) - photo).max(axis=2) > 20
    assert 0.0005 < scratched.mean() < 0.1
    assert np.array_equal(aged(key=2, scratches=100.0), aged(key=2, scratches=100.0))
    dusty = np.abs(aged(dust=300.0) - photo).max(axis=2) > 20
    assert 0.0005 < dusty.mean() < 0.02
    detail = [np.abs(np.diff(image, axis=1)).mean() for image in (aged(resolution=0.3), aged(resolution=0.7), aged())]
    assert detail[0] < detail[1] < detail[2]
    assert np.abs(aged(resolution=0.5).mean() - photo.mean()) < 1


def test_each_kind_of_ageing_is_there_with_its_probability(photo: np.ndarray) -> None:
    small = photo[:64, :64]

    def aged(key: int, probability: float, **options: float) -> np.ndarray:
        settings = {"fading": 0.0, "grain": 0.0, "scratches": 0.0, "dust": 0.0, "resolution": 1.0, **options}
        camera = OldPhoto(shot_noise=0, read_noise=0, ageing_probability=probability, **settings)
        return camera.photograph(small, delta(0), generator(key)).astype(float)

    for kind in ({"fading": 1.0}, {"grain": 0.2}, {"scratches": 5000.0, "dust": 5000.0}, {"resolution": 0.3}):
        untouched = [[np.abs(aged(key, share, **kind) - small).max() <= 1 for key in range(40)] for share in (0.0, 0.5, 1.0)]
        assert all(untouched[0])
        assert 10 <= sum(untouched[1]) <= 30
        assert sum(untouched[2]) <= 3  # of which little was drawn


def test_cameras_are_checked() -> None:
    assert CAMERAS.names() == ["old-photo", "sensor"]
    with pytest.raises(UsageError, match=r"jpeg is \[lowest, highest\]"):
        CAMERAS.build({"name": "sensor", "jpeg": [90, 40]})
    with pytest.raises(UsageError, match="highlights"):
        CAMERAS.build({"name": "sensor", "highlights": 0.5})
