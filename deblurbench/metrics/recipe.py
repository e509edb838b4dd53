"""Recipes: exactly what is computed from a pair of images, under one name."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from deblurbench.errors import UsageError, suggestion
from deblurbench.metrics.base import Metric
from deblurbench.registry import METRICS


@dataclass(frozen=True)
class Recipe:
    """A named way to score: how the images are prepared, and which metrics are computed."""

    name: str
    description: str  # stands in the header of every table
    metrics: tuple[str, ...]  # the first is PSNR, in which a report gives its answer
    smallest_side: int  # pixels that every image must have at least

    def metric(self, name: str) -> Metric:
        """The metric called `name`."""
        built: Metric = METRICS.build(name)
        return built

    def score(self, restored: Tensor, sharp: Tensor) -> dict[str, list[float]]:
        """Each metric's values, one an image, of two batches (B, 3, H, W) in [0, 1], rounded to 8 bits first."""
        restored, sharp = (torch.round(images.clamp(0, 1) * 255) / 255 for images in (restored.double(), sharp.double()))
        return {name: self.metric(name)(restored, sharp).tolist() for name in self.metrics}


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="deblurbench",
            description=(
                "RGB, rounded to 8 bits; SSIM with an 11x11 Gaussian window (sigma 1.5) per channel, valid borders; "
                "MSE of values in [0, 1]; GMSD on luma; means over images"
            ),
            metrics=("psnr", "ssim", "mse", "gmsd"),
            smallest_side=11,
        ),
    )
}


def find_recipe(name: str, where: str = "recipe") -> Recipe:
    """The recipe called `name`. Raises UsageError with the closest one."""
    if name not in RECIPES:
        raise UsageError(f"{where}: no recipe is called '{name}'{suggestion(name, RECIPES)}")
    return RECIPES[name]
