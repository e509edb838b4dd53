"""Robustness: quality against the kind and strength of blur."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deblurbench.records.paths import BLURRED
from deblurbench.report.figures.svg import INK, colors_of, draw_panel, escape_math
from deblurbench.report.findings.comparison import Comparison
from deblurbench.report.results import Results

FEWEST_FOR_CURVES = 20  # images: a line through fewer would show single photographs, not a trend
MOST_BINS, IMAGES_PER_BIN = 6, 5


class _Blur(NamedTuple):
    """The images of one kind of blur: their mask (N,) and the strength of each (N,), which `label` names."""

    title: str
    label: str
    mask: NDArray[np.bool_]
    strength: NDArray[np.float64]


def robustness_curves(results: Results, comparison: Comparison) -> list[str]:
    """Draw the gain in PSNR over the input against the spread of the kernel as SVG, one panel per kind of blur.

    Pairs from files, whose kernels are unknown, are drawn against the PSNR of the input. From 20 images on they are averaged
    in bins of equal number, at least 5 in each, and joined by lines; fewer are single points. Nothing if no model finished.
    """
    return [
        draw_panel(f"robustness-{blur.title}-{comparison.dataset}", partial(_draw, results, comparison, blur))
        for blur in _blurs(comparison)
    ]


def _draw(results: Results, comparison: Comparison, blur: _Blur, panel: Any) -> None:
    colors = colors_of(results)
    for result in comparison.ranked:
        gain = comparison.scores.gain(results.primary_metric, result.model, BLURRED)[blur.mask]
        strength, is_curve = blur.strength[blur.mask], np.isfinite(gain).sum() >= FEWEST_FOR_CURVES
        points = bin_means(strength, gain) if is_curve else (strength.tolist(), gain.tolist())
        panel.plot(
            *points, marker="o", markersize=3 if is_curve else 4, linewidth=1.2, linestyle="-" if is_curve else "none",
            alpha=1 if is_curve else 0.75, color=colors[result.model], label=escape_math(result.model),
        )  # fmt: skip
    panel.axhline(0, color=INK, linewidth=0.8, linestyle=":")
    panel.set(title=escape_math(blur.title), xlabel=blur.label, ylabel="PSNR gained over the input (dB)")


def bin_means(strength: NDArray[np.float64], gain: NDArray[np.float64]) -> tuple[list[float], list[float]]:
    """Return the means of both (N,) in bins of equal number along `strength`; images without a finite gain are left out."""
    known = np.isfinite(gain)
    order = np.argsort(strength[known], kind="stable")
    bins = min(MOST_BINS, max(len(order) // IMAGES_PER_BIN, 1))
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return [float(strength[known][part].mean()) for part in parts], [float(gain[known][part].mean()) for part in parts]


def _blurs(comparison: Comparison) -> list[_Blur]:
    scores = comparison.scores
    blurs = np.array(scores.blurs)
    kinds = sorted({kind for kind in scores.blurs if kind})
    if kinds:
        found = [_Blur(kind, "spread of the kernel (pixels)", blurs == kind, scores.kernel_spreads) for kind in kinds]
    else:
        of_input = scores.values[comparison.primary_metric][BLURRED]
        found = [_Blur("pairs from files", "PSNR of the input (dB): \u2190 stronger blur", np.isfinite(of_input), of_input)]
    return [blur for blur in found if blur.mask.any() and comparison.ranked]
