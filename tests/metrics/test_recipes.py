from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
import torch

from deblurbench.errors import UsageError
from deblurbench.images.tensors import to_tensor
from deblurbench.metrics.recipe import find_recipe, recipes
from tests.metrics import references

SIZES = [(64, 96), (37, 53), (21, 34)]
DECIBELS, SIMILARITY = 1e-4, 1e-6  # how near to the independent reference a recipe has to be


def pair(photo: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A part of the photograph, and the same softened, with noise: what a deblurrer leaves."""
    sharp = photo[100 : 100 + size[0], 150 : 150 + size[1]]
    noise = np.random.default_rng(0).normal(0, 5, sharp.shape)
    return np.clip(cv2.GaussianBlur(sharp, (0, 0), 1.0) + noise, 0, 255).astype(np.uint8), sharp


@pytest.mark.parametrize(
    ("name", "size"),
    [(name, size) for name in ("deblurbench", "gopro-matlab", "basicsr-y", "skimage-default") for size in SIZES]
    # Where there is hardly anything to register by, ECC makes much of the last bit of a float.
    + [("realblur", size) for size in ((64, 96), (101, 67), (200, 180))],
)
def test_a_recipe_is_its_reference(name: str, size: tuple[int, int], photo: np.ndarray) -> None:
    restored, sharp = pair(photo, size)
    expected = getattr(references, name.replace("-", "_"))(restored, sharp)
    scores = find_recipe(name).score(to_tensor(restored), to_tensor(sharp))
    assert scores["psnr"][0] == pytest.approx(expected[0], abs=DECIBELS)
    assert scores["ssim"][0] == pytest.approx(expected[1], abs=SIMILARITY)


@pytest.mark.parametrize("size", SIZES)
def test_float_does_not_round_and_the_others_do(size: tuple[int, int], photo: np.ndarray) -> None:
    whole, sharp = pair(photo, size)
    fractions = whole / 255 + np.random.default_rng(1).uniform(-0.4, 0.4, whole.shape) / 255
    restored = torch.from_numpy(fractions).permute(2, 0, 1)[None]
    clipped, truth = np.clip(fractions, 0, 1), sharp / 255
    scores = find_recipe("float").score(restored, to_tensor(sharp).double())
    expected = references.floating(clipped, truth)
    assert scores["psnr"][0] == pytest.approx(expected[0], abs=DECIBELS)
    assert scores["ssim"][0] == pytest.approx(expected[1], abs=SIMILARITY)
    rounded = find_recipe("deblurbench").score(restored, to_tensor(sharp))
    assert rounded["psnr"][0] == pytest.approx(references.deblurbench(whole, sharp)[0], abs=DECIBELS)


def test_realblur_forgives_a_gain_and_a_shift_that_others_punish(photo: np.ndarray) -> None:
    sharp = photo[60:200, 100:300]
    moved = (photo[62:202, 103:303] * 0.9).astype(np.uint8)
    expected = references.realblur(moved, sharp)
    forgiving = find_recipe("realblur").score(to_tensor(moved), to_tensor(sharp))
    assert forgiving["psnr"][0] == pytest.approx(expected[0], abs=DECIBELS)
    assert forgiving["ssim"][0] == pytest.approx(expected[1], abs=SIMILARITY)
    assert forgiving["psnr"][0] > find_recipe("deblurbench").score(to_tensor(moved), to_tensor(sharp))["psnr"][0] + 8


def test_what_cannot_be_registered_is_refused() -> None:
    flat = torch.full((1, 3, 40, 40), 0.4)
    with pytest.raises(ValueError, match="cannot be registered to its sharp counterpart"):
        find_recipe("realblur").score(flat, flat + 0.1)


def test_the_same_images_score_differently(photo: np.ndarray) -> None:
    """The recipe moves SSIM more than the model does (facts of the field), which is why it has a name."""
    scores = {name: recipe.score(*map(to_tensor, pair(photo, (64, 96)))) for name, recipe in recipes().items()}
    assert scores["gopro-matlab"]["ssim"][0] > scores["deblurbench"]["ssim"][0] + 0.02
    assert scores["basicsr-y"]["psnr"][0] > scores["deblurbench"]["psnr"][0] + 1


@pytest.mark.parametrize("name", recipes())
def test_batches_grey_and_sixteen_bits(name: str, photo: np.ndarray) -> None:
    recipe = find_recipe(name)
    restored, sharp = pair(photo, (37, 53))
    grey = np.repeat(photo[50:87, 50:103, :1], 3, axis=2)
    softer = cv2.GaussianBlur(grey, (0, 0), 1.5)
    both = recipe.score(*(torch.cat([to_tensor(a), to_tensor(b)]) for a, b in ((restored, softer), (sharp, grey))))
    deep = recipe.score(to_tensor(restored.astype(np.uint16) * 257), to_tensor(sharp.astype(np.uint16) * 257))
    for column in recipe.metrics:
        first, second = (recipe.score(to_tensor(a), to_tensor(b))[column] for a, b in ((restored, sharp), (softer, grey)))
        assert both[column] == pytest.approx([*first, *second], rel=1e-9)
        assert deep[column] == pytest.approx(first, rel=1e-6)


def test_identical_images_have_no_finite_psnr(photo: np.ndarray) -> None:
    image = to_tensor(photo[60:160, 150:290])
    for name, recipe in recipes().items():
        scores = recipe.score(image, image)
        assert scores["psnr"] == [float("inf")], name
        assert scores["ssim"][0] == pytest.approx(1, abs=1e-5)


def test_recipes_are_named_versioned_and_described() -> None:
    for name, recipe in recipes().items():
        assert recipe.title == f"{name}@{recipe.version}"
        assert len(recipe.description) > 40
        assert list(recipe.metrics)[:2] == ["psnr", "ssim"]
        assert find_recipe(recipe.title).title == recipe.title


@pytest.mark.parametrize(
    ("name", "metrics", "message"),
    [
        ("matlab", [], "recipe: unknown recipe 'matlab'; did you mean 'gopro-matlab'"),
        ("float@7", [], "recipe: 'float@7' is not the version that is built in, float@1"),
        ("deblurbench", ["maee"], r"metrics\[0\]: unknown metric 'maee'; did you mean 'mae'"),
        ("deblurbench", ["mae", "gmsd"], r"metrics\[1\]: 'gmsd' is there already"),
        ("deblurbench", "mae", "metrics: expected a list"),
        ("realblur", ["mae"], "metrics: the recipe 'realblur' takes no further metrics"),
    ],
)
def test_what_is_no_recipe_is_said(name: str, metrics: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        find_recipe(name, metrics)


def test_further_metrics_stand_beside_the_recipes_own(photo: np.ndarray) -> None:
    recipe = find_recipe("gopro-matlab", ["mae", {"name": "gmsd"}])
    scores = recipe.score(to_tensor(photo[:30, :30]), to_tensor(photo[1:31, :30]))
    assert list(scores) == ["psnr", "ssim", "mae", "gmsd"]
    assert recipe.identity != find_recipe("gopro-matlab").identity
    weights = [find_recipe("deblurbench", [{"name": "lpips", "weights": place}]).identity for place in ("a.pth", "b.pth")]
    assert weights[0] == weights[1]
    assert find_recipe("deblurbench", ["ms-ssim"]).smallest_side == 176
