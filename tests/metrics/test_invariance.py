"""Every score is invariant to rotating and flipping both images, unless its definition is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from deblurbench.images.tensors import to_tensor
from deblurbench.metrics.recipe import find_recipe, recipes
from deblurbench.registry import METRICS, NO_REFERENCE

BY_NETWORKS = {"lpips", "dists"}  # learned filters are not symmetric: these alone are invariant at no size
# These average 2x2 pixels from the top left corner, and drop the last row or column of an odd side: they are invariant at
# multiples of this, where no side that they halve is odd.
BY_HALVES = {"gmsd": 2, "ms-ssim": 16}
SIZES = [(64, 96), (37, 53), (61, 64), (176, 208), (187, 211)]
REGISTERED = {"psnr": 1e-3, "ssim": 1e-5}  # ECC iterates in float32 until it hardly moves
Pair = tuple[Tensor, Tensor]


@pytest.fixture
def pair(photo: np.ndarray, request: pytest.FixtureRequest) -> Pair:
    """A crop of a photograph, and the same blurred along its rows, with noise: its two directions differ."""
    height, width = request.param
    sharp = to_tensor(photo[20 : 20 + height, 150 : 150 + width])
    blurred = (sharp + sharp.roll(1, -1) + sharp.roll(-1, -1)) / 3
    noise = torch.randn(sharp.shape, generator=torch.Generator().manual_seed(0))
    return (blurred + 0.02 * noise).clamp(0, 1), sharp


def rotations_and_flips(images: Tensor) -> Iterator[Tensor]:
    """Yield the eight rotations and flips of (B, C, H, W)."""
    for quarters in range(4):
        yield images.rot90(quarters, (-2, -1)).contiguous()
        yield images.rot90(quarters, (-2, -1)).flip(-1).contiguous()


def scores(metric: Callable[..., Tensor], *images: Tensor) -> list[float]:
    return [metric(*sides).item() for sides in zip(*map(rotations_and_flips, images), strict=True)]


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
def test_a_metric_is_invariant_to_rotations_and_flips(name: str, pair: Pair) -> None:
    values = scores(METRICS.build(name), *pair)
    is_invariant = all(side % BY_HALVES.get(name, 1) == 0 for side in pair[0].shape[-2:])
    assert (max(values) - min(values) < 1e-9) == is_invariant, values


@pytest.mark.parametrize("pair", SIZES, indirect=True)
@pytest.mark.parametrize("name", NO_REFERENCE.names())
def test_a_no_reference_metric_is_invariant_too(name: str, pair: Pair) -> None:
    values = scores(NO_REFERENCE.build(name), pair[0])
    assert values == pytest.approx([values[0]] * 8, rel=1e-9)


@pytest.mark.parametrize("pair", [(64, 96), (140, 200)], indirect=True)
@pytest.mark.parametrize("name", recipes())
def test_the_scores_of_a_recipe_are_invariant(name: str, pair: Pair) -> None:
    recipe = find_recipe(name)
    rows = [recipe.score(*sides) for sides in zip(*map(rotations_and_flips, pair), strict=True)]
    for column in recipe.metrics:
        bound = REGISTERED[column] if name == "realblur" else 1e-9
        values = [row[column][0] for row in rows]
        assert max(values) - min(values) < bound, column
