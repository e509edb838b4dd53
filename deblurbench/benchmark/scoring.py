"""Restoring the test images of a cell, and scoring each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from deblurbench.blur.kernels import Kernel
from deblurbench.data.dataset import Item, PairedImages
from deblurbench.data.table import SHOWN, TEST
from deblurbench.errors import UsageError
from deblurbench.images.photo import Photo, Pixels
from deblurbench.images.tensors import to_pixels, to_tensor
from deblurbench.images.writing import write_photo
from deblurbench.metrics.recipe import Recipe
from deblurbench.models.base import Model
from deblurbench.randomness import integer_seed
from deblurbench.results_folder import picture_path

TILE = 1024  # pixels a side that a network sees at once, so that a large test image fits into memory

Row = dict[str, Any]


def score_images(
    model: Model, images: PairedImages, recipe: Recipe, *, seed: int, device: torch.device, restored_folder: Path,
    done: Callable[[], object],
) -> list[Row]:  # fmt: skip
    """Restore every test image into `restored_folder`; one row {image, <metrics>} for each, in the order of the keys.

    Really blurred photographs are restored too, and not scored, but for oracles: nobody knows their kernels. `done` is
    called after each image.
    """
    remove_pictures(restored_folder)
    rows: list[Row] = []
    for item in _restored_items(model, images):
        blurred, sharp = images.whole(item)
        kernel = images.kernel(item) if model.is_oracle else None
        restored = _restore(model, blurred, kernel, integer_seed(seed, item.entry.key), device)
        write_photo(picture_path(restored_folder, item.entry.key), Photo(restored))
        if sharp is not None:
            scores = recipe.score(to_tensor(restored), to_tensor(sharp))
            rows.append({"image": item.entry.key, **{name: values[0] for name, values in scores.items()}})
        done()
    return rows


def write_truth(images: PairedImages, folder: Path) -> None:
    """Write the sharp test images, as they are scored against, for the report's pictures; older ones are removed."""
    remove_pictures(folder)
    for item in images.items(TEST):
        sharp = images.sharp(item)
        assert sharp is not None  # only the split "shown" has none
        write_photo(picture_path(folder, item.entry.key), Photo(to_pixels(to_tensor(sharp))))


def remove_pictures(folder: Path) -> None:
    """Remove the pictures that an earlier scoring left in `folder`."""
    for path in folder.glob("*.png"):
        path.unlink()


def require_scorable(images: PairedImages, recipe: Recipe) -> None:
    """Raise UsageError where a test image is too small for the recipe, before anything is trained for it."""
    for item in images.items(TEST):
        sharp = images.sharp(item)  # its twin is of the same size
        assert sharp is not None
        if min(sharp.shape[:2]) < recipe.smallest_side:
            raise UsageError(
                f"{item.entry.files[0]}: {sharp.shape[1]}x{sharp.shape[0]} pixels are too few for the recipe "
                f"'{recipe.name}', which needs {recipe.smallest_side} a side; leave it out"
            )


def image_count(model: Model, images: PairedImages) -> int:
    """How many images `score_images` restores."""
    return len(_restored_items(model, images))


def _restored_items(model: Model, images: PairedImages) -> list[Item]:
    return [*images.items(TEST), *([] if model.is_oracle else images.items(SHOWN))]


def _restore(model: Model, blurred: Pixels, kernel: Kernel | None, seed: int, device: torch.device) -> Pixels:
    tile = None if model.sees_whole_image else TILE
    true_kernel = None if kernel is None else torch.from_numpy(kernel)
    return to_pixels(model.restore(to_tensor(blurred).to(device), seed=seed, tile=tile, kernel=true_kernel))


def mean_scores(rows: list[Row], metrics: tuple[str, ...]) -> Iterator[tuple[str, float]]:
    """Each metric's mean over the images with a finite value (identical images have an infinite PSNR); none: NaN."""
    for metric in metrics:
        finite = [row[metric] for row in rows if abs(row[metric]) != float("inf")]
        yield metric, sum(finite) / len(finite) if finite else float("nan")
