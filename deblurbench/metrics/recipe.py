"""Recipes: exactly what is computed from a pair of images, under one name and version."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from deblurbench.errors import UsageError, suggestion
from deblurbench.metrics.base import Metric, SharedMetric
from deblurbench.metrics.realblur import MaskedPSNR, MaskedSSIM, register
from deblurbench.registry import METRICS, MetricSpec, Spec, check_value

Preparation = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
VERSION_MARK = "@"
LUMA_FROM_RGB = (65.481, 128.553, 24.966)  # ITU-R BT.601 in 8 bits, from 16 to 235
LUMA_OFFSET = 16.0


@dataclass(frozen=True)
class Recipe:
    """A named and versioned protocol of scoring: how images are prepared, and which metrics are computed, by column.

    The first metric is PSNR, the primary one of a report.
    """

    name: str
    version: int  # raised whenever one of its scores would change
    description: str  # in the header of every table
    metrics: Mapping[str, Metric]
    prepare: Preparation
    further: tuple[Spec, ...] = field(default=())  # metrics that were added to the recipe's own
    takes_further: bool = True

    @property
    def title(self) -> str:
        """The name and version, as in `recipe: NAME@1`."""
        return f"{self.name}{VERSION_MARK}{self.version}"

    @property
    def identity(self) -> list[Any]:
        """Everything that can change a score. The path of weights cannot: they are checked by their hash."""
        return [self.title, [{key: value for key, value in spec.items() if key != "weights"} for spec in self.further]]

    @property
    def smallest_side(self) -> int:
        """The smallest side of an image, in pixels, that all metrics accept."""
        return max(metric.smallest_side for metric in self.metrics.values())

    def score(self, restored: Tensor, sharp: Tensor) -> dict[str, list[float]]:
        """Return each metric's scores, one per image, of two batches (B, 3, H, W) on one device, clipped to [0, 1].

        Raises ValueError for images that are too small, or that it cannot prepare.
        """
        if restored.device.type == "mps":  # which has no float64
            restored, sharp = restored.cpu(), sharp.cpu()
        pair = self.prepare(restored.double().clamp(0, 1), sharp.double().clamp(0, 1))
        intermediates: dict[Any, Any] = {}
        scores: dict[str, list[float]] = {}
        for column, metric in self.metrics.items():
            if not isinstance(metric, SharedMetric):
                scores[column] = metric(*pair).tolist()
                continue
            metric.require_size(pair[0])
            if metric.intermediate not in intermediates:
                intermediates[metric.intermediate] = metric.intermediate(*pair)
            scores[column] = metric.reduce(intermediates[metric.intermediate]).tolist()
        return scores

    def with_metrics(self, further: Sequence[Spec], where: str = "metrics") -> Recipe:
        """Return the recipe with further metrics beside its own. Raises UsageError if it has one already, or takes none."""
        if further and not self.takes_further:
            raise UsageError(f"{where}: the recipe '{self.name}' takes no further metrics; it compares only parts of images")
        metrics = dict(self.metrics)
        for index, spec in enumerate(further):
            if spec["name"] in metrics:
                raise UsageError(f"{where}[{index}]: '{spec['name']}' is there already; leave it out")
            metrics[spec["name"]] = METRICS.build(spec, f"{where}[{index}]")
        return replace(self, metrics=metrics, further=tuple(further))


def without_rounding(restored: Tensor, sharp: Tensor) -> tuple[Tensor, Tensor]:
    """Return both as they are, in floating point."""
    return restored, sharp


def round_to_8_bits(restored: Tensor, sharp: Tensor) -> tuple[Tensor, Tensor]:
    """Round both to the values of 8-bit files."""
    return torch.round(restored * 255) / 255, torch.round(sharp * 255) / 255


def luma_of_8_bits(restored: Tensor, sharp: Tensor) -> tuple[Tensor, Tensor]:
    """Return the luma of 8-bit images, from 16 / 255 to 235 / 255, not rounded again: (B, 3, H, W) -> (B, 1, H, W)."""
    weights = torch.tensor(LUMA_FROM_RGB, dtype=restored.dtype, device=restored.device).view(1, 3, 1, 1)
    first, second = (
        ((images * weights).sum(1, keepdim=True) + LUMA_OFFSET) / 255 for images in round_to_8_bits(restored, sharp)
    )
    return first, second


def recipes() -> dict[str, Recipe]:
    """Return all recipes by name, the default first."""

    def metrics(*own: str, ssim: str = "ssim") -> dict[str, Metric]:
        names = {"psnr": "psnr", "ssim": ssim, **{name: name for name in own}}
        return {column: METRICS.build(name) for column, name in names.items()}

    found = (
        Recipe(
            "deblurbench", 2,
            "RGB, rounded to 8 bits; SSIM with an 11x11 Gaussian window (sigma 1.5) per channel, valid borders; "
            "MSE of values in [0, 1]; GMSD and spectra on luma; colour error by CIEDE2000",
            metrics("mse", "gmsd", "spectrum-error", "fine-detail", "color-error", "color-error-95"), round_to_8_bits,
        ),
        Recipe(
            "gopro-matlab", 1,
            "as GoPro tables since MPRNet: RGB, rounded to 8 bits; SSIM with an 11x11x11 Gaussian window (sigma 1.5) over "
            "rows, columns and channels, borders replicated",
            metrics(ssim="ssim-3d"), round_to_8_bits,
        ),
        Recipe(
            "basicsr-y", 1,
            "as BasicSR's test_y_channel: rounded to 8 bits, then luma (BT.601, 16 to 235) with peak 255; SSIM "
            "with an 11x11 Gaussian window (sigma 1.5), valid borders",
            metrics(), luma_of_8_bits,
        ),
        Recipe(
            "skimage-default", 1,
            "scikit-image's defaults: RGB, rounded to 8 bits; SSIM with a 7x7 uniform window and sample covariance per channel",
            metrics(ssim="ssim-uniform"), round_to_8_bits,
        ),
        Recipe(
            "float", 1,
            "as MIMO-UNet: RGB, clipped and not rounded; SSIM with an 11x11 Gaussian window (sigma 1.5) per channel, "
            "valid borders",
            metrics(), without_rounding,
        ),
        Recipe(
            "realblur", 1,
            "as RealBlur: RGB, rounded to 8 bits; the restored image is scaled by the least-squares gain and registered by a "
            "homography (ECC); PSNR and Gaussian SSIM over what both show",
            {"psnr": MaskedPSNR(), "ssim": MaskedSSIM()},
            lambda restored, sharp: register(*round_to_8_bits(restored, sharp)), takes_further=False,
        ),
    )  # fmt: skip
    return {recipe.name: recipe for recipe in found}


def find_recipe(name: str, metrics: Any = (), where: str = "recipe", where_metrics: str = "metrics") -> Recipe:
    """Return the recipe `name`, or `NAME@VERSION`, with further `metrics` as in a YAML file.

    Raises UsageError, with the closest name, for an unknown recipe, and for another version than the one that is built in.
    """
    known = recipes()
    plain, _, version = name.partition(VERSION_MARK)
    if plain not in known:
        raise UsageError(f"{where}: unknown recipe '{plain}'{suggestion(plain, known)}")
    recipe = known[plain]
    if version and name != recipe.title:
        raise UsageError(f"{where}: '{name}' is not the version that is built in, {recipe.title}; their scores do not compare")
    return recipe.with_metrics(check_value(Sequence[MetricSpec], metrics, where_metrics), where_metrics)
