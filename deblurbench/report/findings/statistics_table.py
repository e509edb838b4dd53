"""Every number of a comparison, as rows of `statistics.csv`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from deblurbench.report.findings.comparison import Comparison, MeanDifference

STATISTICS_COLUMNS = (
    "dataset", "model", "metric", "images", "scenes", "mean", "left_out", "mean_over_scenes", "gain", "gain_low", "gain_high",
    "gain_p", "order", "better_than_input", "to_best", "to_best_low", "to_best_high", "to_best_p", "verdict",
)  # fmt: skip


def statistics_rows(comparison: Comparison) -> Iterator[dict[str, Any]]:
    """Yield one row per model and metric; differences are above zero for better, whatever the metric."""
    for metric, by_model in comparison.statistics.items():
        for model, statistics in by_model.items():
            yield {
                "dataset": comparison.dataset,
                "model": model,
                "metric": metric,
                "images": len(comparison.scores.images),
                "scenes": comparison.scenes,
                "mean": statistics.mean,
                "left_out": statistics.left_out,
                "mean_over_scenes": statistics.mean_over_scenes,
                **_difference_columns("gain", statistics.gain),
                "order": statistics.versus_input.value if statistics.versus_input else "",
                "better_than_input": statistics.wins if statistics.gain else "",
                **_difference_columns("to_best", statistics.to_best),
                "verdict": statistics.versus_best.value,
            }


def _difference_columns(name: str, difference: MeanDifference | None) -> dict[str, Any]:
    mean, low, high, p = difference or ("",) * 4
    return {name: mean, f"{name}_low": low, f"{name}_high": high, f"{name}_p": p}
