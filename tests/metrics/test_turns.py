"""Every score is the same of images that are turned or mirrored together, unless its definition is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from deblurbench.images.tensors import to_tensor
from deblurbench.metrics.recipe import find_recipe, recipes
from deblurbench.registry import METRICS, NO_REFERENCE

BY_NETWORKS = {"lpips", "dists"}  # learned filters tell left from right: these alone are not invariant at any size
# These average 2x2 pixels from the top left corner on, and leave out what remains of an odd side: they are invariant
# where no side that they halve is odd, at multiples of this.
BY_HALVES = {"gmsd": 2, "ms-ssim": 16}
SIZES = [(64, 96), (37, 53), (61, 64), (176, 208), (187, 211)]
REGISTERED = {"psnr": 1e-3, "ssim": 1e-5}  # ECC iterates in float32 until it hardly moves
Pair = tuple[Tensor, Tensor]


@pytest.fixture
def pair(photo: np.ndarray, request: pytest.FixtureRequest) -> Pair:
    """A photograph's part, and the same blurred along its rows, with noise: its two directions are unlike."""
    height, width = request.param
    sharp = to_tensor(photo[20 : 20 + height, 150 : 150 + width])
    blurred = (sharp + sharp.roll(1, -1) + sharp.roll(-1, -1)) / 3
    noise = torch.randn(sharp.shape, generator=torch.Generator().manual_seed(0))
    return (blurred + 0.02 * noise).clamp(0, 1), sharp


def turned(images: Tensor) -> Iterator[Tensor]:
    """The eight turns and reflections of (B, C, H, W)."""
    for quarters in range(4):
        yield images.rot90(quarters, (-2, -1)).contiguous()
        yield images.rot90(quarters, (-2, -1)).flip(-1).contiguous()


def scores(metric: Callable[..., Tensor], *images: Tensor) -> list[float]:
    return [metric(*sides).item() for sides in zip(*map(turned, images), strict=True)]


@pytest.mark.parametrize(
    ("name", "pair"),
    [
        (name, size)
        for name in sorted(set(METRICS.names()) - BY_NETWORKS)
        for size in SIZES
        if min(size) >= METRICS.get(name).smallest_side
    ],
    indirect=["pair"],
)
def test_a_metric_is_the_same_of_images_that_are_turned_or_mirrored(name: str, pair: Pair) -> None:
    values = scores(METRICS.build(name), *pair)
    is_invariant = all(side % BY_HALVES.get(name, 1) == 0 for side in pair[0].shape[-2:])
    assert (max(values) - min(values) < 1e-9) == is_invariant, values


@pytest.mark.parametrize("pair", SIZES, indirect=True)
@pytest.mark.parametrize("name", NO_REFERENCE.names())
def test_so_is_one_without_a_reference(name: str, pair: Pair) -> None:
    values = scores(NO_REFERENCE.build(name), pair[0])
    assert values == pytest.approx([values[0]] * 8, rel=1e-9)


@pytest.mark.parametrize("pair", [(64, 96), (140, 200)], indirect=True)
@pytest.mark.parametrize("name", recipes())
def test_and_what_a_recipe_makes_of_them(name: str, pair: Pair) -> None:
    recipe = find_recipe(name)
    rows = [recipe.score(*sides) for sides in zip(*map(turned, pair), strict=True)]
    for column in recipe.metrics:
        bound = REGISTERED[column] if name == "realblur" else 1e-9
        values = [row[column][0] for row in rows]
        assert max(values) - min(values) < bound, column
