"""Restoring the test images of a cell, and scoring each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

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
from deblurbench.registry import NO_REFERENCE
from deblurbench.statistics.means import finite_mean

TILE = 1024  # pixels a side that a network sees at once, so that a large test image fits into memory

Row = dict[str, Any]


class Scores(NamedTuple):
    """Rows of test images, {image, scene, blur, spread, <metrics>}, and of photographs without truth, {image, <metrics>}."""

    tested: list[Row]
    shown: list[Row]


def score_images(
    model: Restorer, dataset: PreparedDataset, recipe: Recipe, *, seed: int, device: torch.device, restored_folder: Path,
    done: Callable[[], object],
) -> Scores:  # fmt: skip
    """Restore every test image into `restored_folder`, and score it; in the order of the keys.

    Really blurred photographs are restored too, but for oracles (nobody knows their kernels), and scored without a
    reference. `done` is called after each image. Raises DeblurbenchError, with the name, for an image that the recipe refuses.
    """
    remove_pictures(restored_folder)
    scores = Scores([], [])
    for item in _restored_items(model, dataset):
        image = dataset.test_image(item)
        restored = _restore(model, image, integer_seed(seed, image.key), device)
        write_photo(picture_path(restored_folder, image.key), Photo(to_pixels(restored)))
        if image.sharp is None:
            scores.shown.append({"image": image.key, **no_reference_scores(restored)})
        else:
            spread = "" if image.spread is None else image.spread
            facts = {"image": image.key, "scene": image.scene, "blur": image.blur_kind or "", "spread": spread}
            scores.tested.append({**facts, **_scored(recipe, restored, to_tensor(image.sharp).to(device), image.key)})
        done()
    return scores


def no_reference_scores(image: Tensor) -> Row:
    """Every metric that needs no sharp twin, of one image (1, 3, H, W), rounded to 8 bits."""
    pixels = to_tensor(to_pixels(image))
    return {name: NO_REFERENCE.build(name)(pixels).item() for name in NO_REFERENCE.names()}


def _scored(recipe: Recipe, restored: Tensor, sharp: Tensor, key: str) -> Row:
    try:
        return {name: values[0] for name, values in recipe.score(restored, sharp).items()}
    except ValueError as error:
        raise DeblurbenchError(f"{key}: {error} (recipe {recipe.name})") from error


def write_truth(dataset: PreparedDataset, folder: Path) -> None:
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
        sharp = dataset.sharp(item)  # its twin is of the same size
        assert sharp is not None
        if min(sharp.shape[:2]) < recipe.smallest_side:
            raise UsageError(
                f"{item.entry.files[0]}: {sharp.shape[1]}x{sharp.shape[0]} pixels are too few for the recipe "
                f"'{recipe.name}' with its metrics, which need {recipe.smallest_side} a side; leave it out"
            )


def image_count(model: Restorer, dataset: PreparedDataset) -> int:
    """How many images `score_images` restores."""
    return len(_restored_items(model, dataset))


def _restored_items(model: Restorer, dataset: PreparedDataset) -> list[Item]:
    return [*dataset.items(TEST), *(() if model.is_oracle else dataset.items(SHOWN))]


def _restore(model: Restorer, image: TestImage, seed: int, device: torch.device) -> Tensor:
    tile = None if model.sees_whole_image else TILE
    kernel = torch.from_numpy(image.kernel) if model.is_oracle and image.kernel is not None else None
    return model.restore(to_tensor(image.blurred).to(device), RestoreOptions(seed, tile, kernel))


def mean_scores(rows: list[Row], metrics: Iterable[str]) -> Iterator[tuple[str, float]]:
    """Each metric's mean over the images with a finite value (identical images have an infinite PSNR)."""
    for metric in metrics:
        yield metric, finite_mean([row[metric] for row in rows]).value
