from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.filters import laplace
from torch import Tensor

from deblurbench.images.tensors import to_tensor
from deblurbench.metrics.filters import _filter_by_shifts, gaussian_taps, separable_filter
from deblurbench.registry import METRICS, NO_REFERENCE
from tests.metrics import references

SIZES = [(64, 96), (37, 53), (11, 11)]
FETCHED = {"lpips", "dists"}  # need weights, which no test fetches
OWN = sorted(set(METRICS.names()) - FETCHED)
Pair = tuple[np.ndarray, np.ndarray]


@pytest.fixture
def pair(photo: np.ndarray, request: pytest.FixtureRequest) -> Pair:
    """A photograph's part and a damaged one, uint8."""
    return damaged(photo, getattr(request, "param", (64, 96)))


def damaged(photo: np.ndarray, size: tuple[int, int]) -> Pair:
    sharp = photo[100 : 100 + size[0], 150 : 150 + size[1]]
    noise = np.random.default_rng(0).normal(0, 12, sharp.shape)
    return np.clip(sharp + noise, 0, 255).astype(np.uint8), sharp


def score(name: str, restored: np.ndarray, sharp: np.ndarray) -> float:
    value: float = METRICS.build(name)(to_tensor(restored), to_tensor(sharp)).item()
    return value


@pytest.mark.parametrize("pair", SIZES, indirect=True)
def test_gmsd_is_its_definition(pair: Pair) -> None:
    assert score("gmsd", *pair) == pytest.approx(references.gmsd(*pair), abs=1e-6)


@pytest.mark.parametrize("pair", SIZES, indirect=True)
def test_spectra_are_their_definitions(pair: Pair) -> None:
    error, fine = references.spectra(*pair)
    assert score("spectrum-error", *pair) == pytest.approx(error, abs=1e-4)
    assert score("fine-detail", *pair) == pytest.approx(fine, abs=1e-4)


@pytest.mark.parametrize("pair", SIZES, indirect=True)
def test_colour_error_is_that_of_scikit_image(pair: Pair) -> None:
    differences = deltaE_ciede2000(*(rgb2lab(image) for image in pair))
    assert score("color-error", *pair) == pytest.approx(differences.mean(), abs=1e-5)
    assert score("color-error-95", *pair) == pytest.approx(np.percentile(differences, 95), abs=1e-5)


def test_mean_absolute_error(pair: Pair) -> None:
    assert score("mae", *pair) == pytest.approx(np.abs(pair[0] / 255 - pair[1] / 255).mean(), abs=1e-7)


@pytest.mark.parametrize("size", [(176, 200), (187, 211)])
def test_ms_ssim_is_its_definition(photo: np.ndarray, size: tuple[int, int]) -> None:
    restored, sharp = damaged(photo, size)
    assert score("ms-ssim", restored, sharp) == pytest.approx(references.ms_ssim(restored, sharp), abs=1e-6)
    assert score("ms-ssim", 255 - sharp, sharp) == pytest.approx(references.ms_ssim(255 - sharp, sharp), abs=1e-6)


def test_blur_and_noise_show_in_the_fine_detail(photo: np.ndarray) -> None:
    noisy, sharp = damaged(photo, (128, 128))
    soft = (sum(np.roll(sharp.astype(float), shift, 1) for shift in (-1, 0, 1)) / 3).astype(np.uint8)
    assert score("fine-detail", soft, sharp) < -1
    assert score("fine-detail", noisy, sharp) > 1


def test_a_shift_of_colour_is_seen_as_one(photo: np.ndarray) -> None:
    sharp = photo[100:164, 100:164]
    redder = np.clip(sharp + np.array([9, -4, 0]), 0, 255).astype(np.uint8)
    noise = np.random.default_rng(0).choice([-9, 9], sharp.shape[:2])[..., None]  # as large a change, of lightness alone
    grainy = np.clip(sharp + noise, 0, 255).astype(np.uint8)
    assert score("psnr", redder, sharp) > score("psnr", grainy, sharp)
    assert score("color-error", redder, sharp) > score("color-error", grainy, sharp)


def stretched(metric: Any, images: Tensor) -> Tensor:
    """The images, as many times as large as the metric needs at least."""
    times = math.ceil(metric.smallest_side / images.shape[-1])
    return images.repeat(1, 1, times, times)


@pytest.mark.parametrize("name", OWN)
def test_every_metric_gives_one_number_an_image(name: str, photo: np.ndarray) -> None:
    metric = METRICS.build(name)
    sharp = stretched(metric, to_tensor(photo[100:140, 100:140]).repeat(2, 1, 1, 1))
    noise = torch.randn(sharp.shape, generator=torch.Generator().manual_seed(1))
    worse = (sharp + torch.tensor([0.02, 0.1]).view(2, 1, 1, 1) * noise).clamp(0, 1)
    values = metric(worse, sharp)
    assert values.shape == (2,)
    assert values.dtype == torch.float64
    assert metric.goodness(values[0].item()) > metric.goodness(values[1].item())
    assert torch.allclose(values[:1], metric(worse[:1], sharp[:1]))
    best = metric(sharp, sharp)
    assert best.tolist() == pytest.approx([metric.best] * 2)
    assert all(metric.goodness(best[0].item()) > metric.goodness(value) for value in values.tolist())
    with pytest.raises(ValueError, match="differ in size"):
        metric(sharp, sharp[..., 1:])


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_constant_grey_and_odd_images_are_scored(name: str, value: float) -> None:
    metric = METRICS.build(name)
    for channels in (1, 3):
        side = max(metric.smallest_side, 21)
        flat = torch.full((1, channels, side, side + 2), value)
        assert metric(flat, flat).item() == pytest.approx(metric.best)
        ramp = flat + torch.linspace(-0.1, 0.1, side + 2) * (1 if value == 0.5 else -1 if value else 1)
        assert math.isfinite(metric(ramp.clamp(0, 1), flat).item())


@pytest.mark.parametrize("name", [name for name in OWN if METRICS.get(name).smallest_side > 1])
def test_too_small_images_are_refused(name: str) -> None:
    metric = METRICS.build(name)
    image = torch.rand(1, 3, metric.smallest_side - 1, 400)
    with pytest.raises(ValueError, match="needs images of at least"):
        metric(image, image)
    assert metric(torch.rand(1, 3, metric.smallest_side, 400), torch.rand(1, 3, metric.smallest_side, 400)).isfinite().all()


def test_what_a_gpu_filters_with_gives_the_same(photo: np.ndarray) -> None:
    images = to_tensor(photo[:50, :60]).double()
    by_shifts, by_library = _filter_by_shifts(images, gaussian_taps()), separable_filter(images, gaussian_taps())
    assert by_library.shape == (1, 3, 40, 50)
    assert torch.allclose(by_shifts, by_library, atol=1e-12)


def test_large_images_are_worked_through_in_strips(photo: np.ndarray) -> None:
    """Of which every row counts once, in two images of a batch as in one."""
    large = to_tensor(np.tile(photo, (3, 3, 1))).double()
    worse = (large + 0.1 * torch.randn(large.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    assert METRICS.build("mse")(worse, large).item() == pytest.approx((worse - large).square().mean().item(), abs=1e-12)
    one = METRICS.build("ssim")(worse, large).item()
    two = METRICS.build("ssim")(torch.cat([worse, large]), torch.cat([large, large])).tolist()
    assert two == pytest.approx([one, 1.0], abs=1e-12)


def test_the_laplacian_is_that_of_scikit_image(photo: np.ndarray) -> None:
    metric = NO_REFERENCE.build("laplacian-variance")
    grey = photo[:61, :70].astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    assert metric(to_tensor(photo[:61, :70])).item() == pytest.approx(
        laplace(np.pad(grey, 1, "reflect"))[1:-1, 1:-1].var(), rel=1e-4
    )
    assert metric(torch.full((2, 3, 9, 9), 0.3)).tolist() == pytest.approx([0, 0], abs=1e-9)
    with pytest.raises(ValueError, match="at least 2x2"):
        metric(torch.rand(1, 3, 1, 5))
