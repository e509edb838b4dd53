"""Quality against the kind and strength of blur."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from deblurbench.records.paths import BLURRED
from deblurbench.report.figures.svg import INK, STYLE, add_legend, colors_of, drawn, plain
from deblurbench.report.findings.comparison import Comparison
from deblurbench.report.results import Results

MOST_BINS, IMAGES_A_BIN = 6, 5
COLUMNS = 3


def robustness_curves(results: Results, comparison: Comparison) -> str | None:
    """An SVG: the gain in PSNR over the input by the spread of the kernel, one panel a kind of blur.

    Of pairs from files, whose kernels nobody knows, by the PSNR of the input. Images are put into bins of equal number, at
    least 5 in each where there are so many. None where no model finished.
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
        places = list(figure.subplots(rows, columns, squeeze=False, sharey=True).flat)
        for unused in places[len(panels) :]:
            unused.set_axis_off()
        for panel, (title, label, chosen, strength) in zip(places, panels, strict=False):
            for result in comparison.competitors:
                gain = comparison.scores.gain(results.first, result.model, BLURRED)
                panel.plot(
                    *binned(strength[chosen], gain[chosen]), marker="o", markersize=3, linewidth=1.2,
                    color=colors[result.model], label=plain(result.model),
                )  # fmt: skip
            panel.axhline(0, color=INK, linewidth=0.8, linestyle=":")
            panel.set(title=plain(title), xlabel=label)
        places[0].set_ylabel("PSNR gained over the input (dB)")
        add_legend(places[(len(panels) - 1) // columns * columns])
        return drawn(figure, f"robustness-{comparison.dataset}")


def binned(strength: NDArray[np.float64], gain: NDArray[np.float64]) -> tuple[list[float], list[float]]:
    """The means of both in bins of equal number along `strength`; images without a finite gain are left out."""
    known = np.isfinite(gain)
    order = np.argsort(strength[known], kind="stable")
    bins = min(MOST_BINS, max(len(order) // IMAGES_A_BIN, min(len(order), 4)))
    parts = [part for part in np.array_split(order, max(bins, 1)) if len(part)]
    return [float(strength[known][part].mean()) for part in parts], [float(gain[known][part].mean()) for part in parts]


def _panels(comparison: Comparison) -> list[tuple[str, str, NDArray[np.bool_], NDArray[np.float64]]]:
    """(title, what strength is, which images, strength of all) of each kind of blur."""
    scores = comparison.scores
    blurs = np.array(scores.blurs)
    kinds = sorted({kind for kind in scores.blurs if kind})
    if kinds:
        found = [(kind, "spread of the kernel (pixels)", blurs == kind, scores.spreads) for kind in kinds]
    else:
        untouched = scores.values[comparison.first][BLURRED]
        found = [("pairs from files", "PSNR of the input (dB): ← stronger blur", np.isfinite(untouched), untouched)]
    return [panel for panel in found if panel[2].any() and comparison.competitors]
