"""Models as points: distortion against perception, and quality against cost."""

from __future__ import annotations

import math
from typing import Any

from deblurbench.report.figures.svg import INK, STYLE, colors_of, label_points, to_svg
from deblurbench.report.findings.comparison import Comparison
from deblurbench.report.results import Result, Results

COSTS = {"ms_per_megapixel": "ms / megapixel", "macs": "multiply-accumulates at 256x256", "params": "parameters"}


def perception_distortion(results: Results, comparison: Comparison) -> str | None:
    """Draw PSNR against a perceptual score (Blau & Michaeli 2018) as SVG. None if no perceptual metric was computed."""
    metric = results.perceptual_metric
    if metric is None:
        return None
    axes = [comparison.statistics[name] for name in (results.primary_metric, metric)]
    finite = [one for one in comparison.results if all(math.isfinite(axis[one.model].mean) for axis in axes)]
    if not finite:
        return None
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(5.2, 3.6), layout="constrained")
        panel = figure.subplots()
        points = [(axes[0][one.model].mean, axes[1][one.model].mean) for one in finite]
        _draw_points(panel, results, finite, points)
        panel.set(
            xlabel=f"{results.metric(results.primary_metric).label}: better →",
            ylabel=f"{results.metric(metric).label}: better ↑",
        )
        panel.invert_yaxis()  # lower is better for every one of PERCEPTUAL
        panel.margins(0.14)
        label_points(panel, points, [one.model for one in finite])
        return to_svg(figure, f"plane-{comparison.dataset}")


def quality_and_cost(results: Results, comparison: Comparison) -> str | None:
    """Draw the gain over the input, with its interval, against each of COSTS as SVG. None if no cost is known."""
    gains = {one.model: comparison.statistics_of(one.model).gain for one in comparison.results if not one.is_input}
    known = {model: gain for model, gain in gains.items() if gain is not None and math.isfinite(gain.mean)}
    costs = [name for name in COSTS if any(one.costs[name] > 0 for one in comparison.results if one.model in known)]
    if not costs:
        return None
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.0 * len(costs), 3.6), layout="constrained")
        for panel, cost in zip(figure.subplots(1, len(costs), squeeze=False, sharey=True).flat, costs, strict=True):
            plotted = [one for one in comparison.results if one.model in known and one.costs[cost] > 0]
            points = [(one.costs[cost], known[one.model].mean) for one in plotted]
            colors = colors_of(results)
            for one, (x, y) in zip(plotted, points, strict=True):
                gain = known[one.model]
                if math.isfinite(gain.low):
                    panel.plot([x, x], [gain.low, gain.high], color=colors[one.model], linewidth=1, alpha=0.6)
                panel.scatter([x], [y], color=colors[one.model], marker=_marker(one), s=26, zorder=3)
            panel.axhline(0, color=INK, linewidth=0.8, linestyle=":")
            panel.set(xscale="log", xlabel=f"{COSTS[cost]}: ← cheaper")
            panel.xaxis.set_major_locator(LogLocator(subs=(1, 3), numticks=8))
            panel.xaxis.set_major_formatter(EngFormatter(sep=""))
            panel.xaxis.set_minor_locator(NullLocator())
            panel.margins(0.18, 0.1)
            label_points(panel, points, [one.model for one in plotted])
        figure.axes[0].set_ylabel("PSNR gained over the input (dB)")
        return to_svg(figure, f"cost-{comparison.dataset}")


def _draw_points(panel: Any, results: Results, found: list[Result], points: list[tuple[float, float]]) -> None:
    colors = colors_of(results)
    for one, (x, y) in zip(found, points, strict=True):
        face = "none" if one.is_input else colors[one.model]
        panel.scatter([x], [y], facecolors=face, edgecolors=colors[one.model], marker=_marker(one), s=30, zorder=3)


def _marker(result: Result) -> str:
    return "D" if result.is_oracle else "o"
