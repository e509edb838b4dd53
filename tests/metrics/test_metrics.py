from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio, structural_similarity

from deblurbench.errors import UsageError
from deblurbench.images.tensors import to_tensor
from deblurbench.metrics.recipe import RECIPES, find_recipe
from deblurbench.registry import METRICS

SIZES = [(64, 96), (37, 53), (11, 11)]


@pytest.fixture
def pair(photo: np.ndarray, request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray]:
    """A photograph's part and a damaged one, uint8."""
    height, width = getattr(request, "param", (64, 96))
    sharp = photo[100 : 100 + height, 150 : 150 + width]
    noise = np.random.default_rng(0).normal(0, 12, sharp.shape)
    return np.clip(sharp + noise, 0, 255).astype(np.uint8), sharp


@pytest.mark.parametrize("pair", SIZES, indirect=True)
def test_the_default_recipe_is_scikit_image(pair: tuple[np.ndarray, np.ndarray]) -> None:
    restored, sharp = pair
    scores = RECIPES["deblurbench"].score(to_tensor(restored), to_tensor(sharp))
    expected = {
        "psnr": peak_signal_noise_ratio(sharp, restored),
        "mse": mean_squared_error(sharp / 255, restored / 255),
        "ssim": structural_similarity(
            sharp / 255,
            restored / 255,
            data_range=1,
            channel_axis=2,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        ),
    }
    for name, value in expected.items():
        assert scores[name][0] == pytest.approx(value, abs=1e-6)


def slow_gmsd(x: np.ndarray, y: np.ndarray) -> float:
    """Xue et al. 2014 from its definition, in [0, 255], one pixel after another."""

    def magnitude(image: np.ndarray) -> np.ndarray:
        luma = image.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
        half = luma[: luma.shape[0] // 2 * 2, : luma.shape[1] // 2 * 2]
        small = (half[::2, ::2] + half[1::2, ::2] + half[::2, 1::2] + half[1::2, 1::2]) / 4
        padded = np.pad(small, 1)
        result = np.zeros_like(small)
        for row in range(small.shape[0]):
            for column in range(small.shape[1]):
                around = padded[row : row + 3, column : column + 3]
                horizontal = (around[:, 0].sum() - around[:, 2].sum()) / 3
                vertical = (around[0].sum() - around[2].sum()) / 3
                result[row, column] = math.hypot(horizontal, vertical)
        return result

    first, second = magnitude(x), magnitude(y)
    similarity = (2 * first * second + 170) / (first**2 + second**2 + 170)
    return float(np.sqrt(np.mean((similarity - similarity.mean()) ** 2)))


@pytest.mark.parametrize("pair", SIZES, indirect=True)
def test_gmsd_is_its_definition(pair: tuple[np.ndarray, np.ndarray]) -> None:
    restored, sharp = pair
    assert METRICS.build("gmsd")(to_tensor(restored), to_tensor(sharp)).item() == pytest.approx(
        slow_gmsd(restored, sharp), abs=1e-6
    )


def test_scores_are_of_rounded_pixels(photo: np.ndarray) -> None:
    """What a person gets is a file of 8 bits: a third of a step off is not off at all."""
    sharp = to_tensor(photo[:32, :32])
    scores = RECIPES["deblurbench"].score(sharp + 0.33 / 255, sharp)
    assert scores["psnr"] == [math.inf]
    assert scores["mse"] == [0]


@pytest.mark.parametrize("name", METRICS.names())
def test_every_metric_gives_one_number_an_image(name: str, photo: np.ndarray) -> None:
    metric = METRICS.build(name)
    sharp = torch.cat([to_tensor(photo[:40, :40]), to_tensor(photo[100:140, 100:140])])
    worse = sharp + torch.tensor([0.02, 0.1]).view(2, 1, 1, 1) * torch.randn(
        sharp.shape, generator=torch.Generator().manual_seed(1)
    )
    values = metric(worse, sharp)
    assert values.shape == (2,)
    assert values.dtype == torch.float64
    assert (values[0] > values[1]) == metric.higher_is_better
    assert torch.allclose(values[:1], metric(worse[:1], sharp[:1]))
    best = metric(sharp, sharp)
    assert (best > values).all() == metric.higher_is_better
    with pytest.raises(ValueError, match="differ in size"):
        metric(sharp, sharp[..., 1:])


@pytest.mark.parametrize(("name", "size"), [("ssim", 10), ("gmsd", 3)])
def test_too_small_images_are_refused(name: str, size: int) -> None:
    image = torch.rand(1, 3, size, 40)
    with pytest.raises(ValueError, match="needs images of at least"):
        METRICS.build(name)(image, image)


def test_grey_and_constant_images_are_scored() -> None:
    grey = torch.rand(1, 1, 20, 20)
    assert METRICS.build("gmsd")(grey, grey).item() == 0
    flat = torch.full((1, 3, 20, 20), 0.5)
    assert METRICS.build("ssim")(flat, flat).item() == pytest.approx(1)


def test_an_unknown_recipe_is_named() -> None:
    with pytest.raises(UsageError, match="no recipe is called 'matlab'"):
        find_recipe("matlab")
