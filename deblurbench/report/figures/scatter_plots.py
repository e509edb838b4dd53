"""Models as points: distortion against perception, and quality against cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from deblurbench.report.figures.svg import INK, colors_of, draw_panel, escape_math, label_points
from deblurbench.report.findings.comparison import Comparison
from deblurbench.report.results import Result, Results

COSTS = {"ms_per_megapixel": "ms / megapixel", "macs": "multiply-accumulates at 256x256", "params": "parameters"}
NARROW = 10  # times


def perception_distortion(results: Results, comparison: Comparison) -> list[str]:
    """Draw PSNR against a perceptual score (Blau & Michaeli 2018) as SVG. Nothing if no perceptual metric was computed."""
    metric = results.perceptual_metric
    if metric is None:
        return []
    axes = [comparison.statistics[name] for name in (results.primary_metric, metric)]
    finite = [one for one in comparison.results if all(math.isfinite(axis[one.model].mean) for axis in axes)]
    points = [(axes[0][one.model].mean, axes[1][one.model].mean) for one in finite]

    def draw(panel: Any) -> None:
        panel.margins(0.14)
        panel.set(
            xlabel=f"{results.metric(results.primary_metric).label}: better \u2192",
            ylabel=f"{results.metric(metric).label}: better \u2191",
        )
        dots = _draw_points(panel, results, finite, points)
        panel.invert_yaxis()  # lower is better for every one of PERCEPTUAL
        _name(panel, dots, points, [one.model for one in finite])

    return [draw_panel(f"plane-{comparison.dataset}", draw)] if finite else []


def quality_and_cost(results: Results, comparison: Comparison) -> list[str]:
    """Draw the gain over the input, with its interval, against each of COSTS that is known, as SVG."""
    gains = {one.model: comparison.statistics_of(one.model).gain for one in comparison.results if not one.is_input}
    known = {model: gain for model, gain in gains.items() if gain is not None and math.isfinite(gain.mean)}
    panels = []
    for cost in COSTS:
        plotted = [one for one in comparison.results if one.model in known and one.costs[cost] > 0]
        points = [(one.costs[cost], known[one.model].mean) for one in plotted]
        ends = [(known[one.model].low, known[one.model].high) for one in plotted]
        if plotted:
            panels.append(_cost_panel(results, comparison, cost, plotted, points, ends))
    return panels


def _cost_panel(
    results: Results, comparison: Comparison, cost: str, plotted: Sequence[Result],
    points: Sequence[tuple[float, float]], ends: Sequence[tuple[float, float]],
) -> str:  # fmt: skip
    from matplotlib.ticker import EngFormatter, LogLocator, MaxNLocator, NullLocator

    colors = colors_of(results)
    intervals = [(y, y) if math.isnan(low) else (low, high) for (_, y), (low, high) in zip(points, ends, strict=True)]

    def draw(panel: Any) -> None:
        panel.margins(0.18, 0.1)
        panel.set(xscale="log", xlabel=f"{COSTS[cost]}: \u2190 cheaper", ylabel="PSNR gained over the input (dB)")
        dots = _draw_points(panel, results, plotted, points)
        for one, (x, _), interval in zip(plotted, points, intervals, strict=True):
            panel.plot([x, x], interval, color=colors[one.model], linewidth=1, alpha=0.6)
        panel.axhline(0, color=INK, linewidth=0.8, linestyle=":")
        costs = [x for x, _ in points]
        is_narrow = max(costs) < NARROW * min(costs)  # too few powers of ten for marks
        panel.xaxis.set_major_locator(MaxNLocator(4) if is_narrow else LogLocator(subs=(1, 3), numticks=6))
        panel.xaxis.set_major_formatter(EngFormatter(sep=""))
        panel.xaxis.set_minor_locator(NullLocator())
        _name(panel, dots, points, [one.model for one in plotted], intervals)

    return draw_panel(f"cost-{cost}-{comparison.dataset}", draw)


def _draw_points(panel: Any, results: Results, found: Sequence[Result], points: Sequence[tuple[float, float]]) -> list[Any]:
    """Draw a dot for each model, and return them: hollow for the input, a diamond for an oracle."""
    colors = colors_of(results)
    return [
        panel.scatter(
            [x], [y], facecolors="none" if one.is_input else colors[one.model], edgecolors=colors[one.model],
            marker="D" if one.is_oracle else "o", s=28, zorder=3,
        )
        for one, (x, y) in zip(found, points, strict=True)
    ]  # fmt: skip


def _name(
    panel: Any, dots: Sequence[Any], points: Sequence[tuple[float, float]], names: Sequence[str],
    intervals: Sequence[tuple[float, float]] = (),
) -> None:  # fmt: skip
    """Write the names beside the dots, or, where they find no place, into a legend."""
    if not label_points(panel, points, names, intervals):
        for dot, name in zip(dots, names, strict=True):
            dot.set_label(escape_math(name))
