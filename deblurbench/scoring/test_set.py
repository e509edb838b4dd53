"""Restoring the test images of a data set, and scoring each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from deblurbench.data.prepared import Item, PreparedDataset
from deblurbench.data.table import SHOWN, TEST
from deblurbench.data.test_images import TestImage
from deblurbench.errors import DeblurbenchError, UsageError
from deblurbench.images.photo import Photo
from deblurbench.images.tensors import to_pixels, to_tensor
from deblurbench.images.writing import write_photo
from deblurbench.metrics.recipe import Recipe
from deblurbench.models.base import Restorer
from deblurbench.models.restoration import RestoreOptions
from deblurbench.randomness import integer_seed
from deblurbench.records.paths import picture_path
from deblurbench.records.scores import ImageScores, UnpairedScores
from deblurbench.registry import NO_REFERENCE

TILE = 1024  # pixels a side that a network sees at once, so that a large test image fits into memory


class TestSetScores(NamedTuple):
    """The scores of test images, and of photographs without a sharp counterpart."""

    images: list[ImageScores]
    unpaired: list[UnpairedScores]


@dataclass(frozen=True)
class ScoringRun:
    """How a test set is scored: by which recipe, with which seed, where, and the folder of the restored images."""

    recipe: Recipe
    seed: int
    device: torch.device
    restored_folder: Path


def score_images(
    restorer: Restorer, dataset: PreparedDataset, run: ScoringRun, on_image: Callable[[], object] = lambda: None
) -> TestSetScores:
    """Restore every test image into a folder, and score it; in the order of the keys.

    Really blurred photographs are restored too, but for oracles (nobody knows their kernels), and scored without a
    reference. `on_image` is called after each image. Raises DeblurbenchError, with the name, for one that the recipe refuses.
    """
    remove_pictures(run.restored_folder)
    scores = TestSetScores([], [])
    for item in _restored_items(restorer, dataset):
        image = dataset.test_image(item)
        restored = _restore(restorer, image, integer_seed(run.seed, image.key), run.device)
        write_photo(picture_path(run.restored_folder, image.key), Photo(to_pixels(restored)))
        if image.sharp is None:
            scores.unpaired.append(UnpairedScores(image.key, no_reference_scores(restored)))
        else:
            found = _score(run.recipe, restored, to_tensor(image.sharp).to(run.device), image.key)
            scores.images.append(ImageScores(image.key, image.scene, image.blur_kind or "", image.spread, found))
        on_image()
    return scores


def no_reference_scores(image: Tensor) -> dict[str, float]:
    """Every metric that needs no sharp counterpart, of one image (1, 3, H, W), rounded to 8 bits."""
    pixels = to_tensor(to_pixels(image))
    return {name: NO_REFERENCE.build(name)(pixels).item() for name in NO_REFERENCE.names()}


def _score(recipe: Recipe, restored: Tensor, sharp: Tensor, key: str) -> dict[str, float]:
    try:
        return {name: values[0] for name, values in recipe.score(restored, sharp).items()}
    except ValueError as error:
        raise DeblurbenchError(f"{key}: {error} (recipe {recipe.name})") from error


def write_sharp_images(dataset: PreparedDataset, folder: Path) -> None:
    """Write the sharp test images, as they are scored against, for the report's pictures; older ones are removed."""
    remove_pictures(folder)
    for item in dataset.items(TEST):
        sharp = dataset.sharp(item)
        assert sharp is not None  # only the split "shown" has none
        write_photo(picture_path(folder, item.entry.key), Photo(to_pixels(to_tensor(sharp))))


def remove_pictures(folder: Path) -> None:
    """Remove the pictures that an earlier scoring left in `folder`."""
    for path in folder.glob("*.png"):
        path.unlink()


def require_scorable(dataset: PreparedDataset, recipe: Recipe) -> None:
    """Raise UsageError where a test image is too small for the recipe, before anything is trained for it."""
    for item in dataset.items(TEST):
        sharp = dataset.sharp(item)  # its counterpart is of the same size
        assert sharp is not None
        if min(sharp.shape[:2]) < recipe.smallest_side:
            raise UsageError(
                f"{item.entry.sources[0]}: {sharp.shape[1]}x{sharp.shape[0]} pixels are too few for the recipe "
                f"'{recipe.name}' with its metrics, which need {recipe.smallest_side} a side; leave it out"
            )


def image_count(restorer: Restorer, dataset: PreparedDataset) -> int:
    """The number of images that `score_images` restores."""
    return len(_restored_items(restorer, dataset))


def _restored_items(restorer: Restorer, dataset: PreparedDataset) -> list[Item]:
    return [*dataset.items(TEST), *(() if restorer.is_oracle else dataset.items(SHOWN))]


def _restore(restorer: Restorer, image: TestImage, seed: int, device: torch.device) -> Tensor:
    tile = None if restorer.sees_whole_image else TILE
    kernel = torch.from_numpy(image.kernel) if restorer.is_oracle and image.kernel is not None else None
    return restorer.restore(to_tensor(image.blurred).to(device), RestoreOptions(seed, tile, kernel))
