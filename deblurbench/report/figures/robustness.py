"""Robustness: quality against the kind and strength of blur."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from deblurbench.records.paths import BLURRED
from deblurbench.report.figures.svg import INK, STYLE, add_legend, colors_of, escape_math, to_svg
from deblurbench.report.findings.comparison import Comparison
from deblurbench.report.results import Results

MOST_BINS, IMAGES_PER_BIN = 6, 5
COLUMNS = 3


def robustness_curves(results: Results, comparison: Comparison) -> str | None:
    """Draw the gain in PSNR over the input against the spread of the kernel as SVG, one panel per kind of blur.

    Pairs from files, whose kernels are unknown, are drawn against the PSNR of the input. Images are averaged in bins of equal
    number, at least 5 in each where there are so many. None if no model finished.
    """
    panels = _panels(comparison)
    if not panels:
        return None
    import matplotlib
    from matplotlib.figure import Figure

    colors = colors_of(results)
    with matplotlib.rc_context(STYLE):
        columns = min(len(panels), COLUMNS)
        rows = math.ceil(len(panels) / columns)
        figure = Figure(figsize=(4.2 * columns, 3.4 * rows), layout="constrained")
        axes = list(figure.subplots(rows, columns, squeeze=False, sharey=True).flat)
        for unused in axes[len(panels) :]:
            unused.set_axis_off()
        for panel, (title, label, mask, strength) in zip(axes, panels, strict=False):
            for result in comparison.ranked:
                gain = comparison.scores.gain(results.primary_metric, result.model, BLURRED)
                panel.plot(
                    *bin_means(strength[mask], gain[mask]), marker="o", markersize=3, linewidth=1.2,
                    color=colors[result.model], label=escape_math(result.model),
                )  # fmt: skip
            panel.axhline(0, color=INK, linewidth=0.8, linestyle=":")
            panel.set(title=escape_math(title), xlabel=label)
        axes[0].set_ylabel("PSNR gained over the input (dB)")
        add_legend(axes[(len(panels) - 1) // columns * columns])
        return to_svg(figure, f"robustness-{comparison.dataset}")


def bin_means(strength: NDArray[np.float64], gain: NDArray[np.float64]) -> tuple[list[float], list[float]]:
    """Return the means of both (N,) in bins of equal number along `strength`; images without a finite gain are left out."""
    known = np.isfinite(gain)
    order = np.argsort(strength[known], kind="stable")
    bins = min(MOST_BINS, max(len(order) // IMAGES_PER_BIN, min(len(order), 4)))
    parts = [part for part in np.array_split(order, max(bins, 1)) if len(part)]
    return [float(strength[known][part].mean()) for part in parts], [float(gain[known][part].mean()) for part in parts]


def _panels(comparison: Comparison) -> list[tuple[str, str, NDArray[np.bool_], NDArray[np.float64]]]:
    """Return (title, label of the strength, mask of the images (N,), strength (N,)) of each kind of blur."""
    scores = comparison.scores
    blurs = np.array(scores.blurs)
    kinds = sorted({kind for kind in scores.blurs if kind})
    if kinds:
        found = [(kind, "spread of the kernel (pixels)", blurs == kind, scores.kernel_spreads) for kind in kinds]
    else:
        of_input = scores.values[comparison.primary_metric][BLURRED]
        found = [("pairs from files", "PSNR of the input (dB): ← stronger blur", np.isfinite(of_input), of_input)]
    return [panel for panel in found if panel[2].any() and comparison.ranked]
