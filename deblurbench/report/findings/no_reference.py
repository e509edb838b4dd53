"""Really blurred photographs in numbers, as far as numbers go without the truth."""

from __future__ import annotations

from dataclasses import dataclass

from deblurbench.registry import NO_REFERENCE
from deblurbench.report.findings.comparison import Comparison
from deblurbench.statistics.means import finite_mean


@dataclass(frozen=True)
class Sharpness:
    """The means over the really blurred photographs of each model."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def sharpness(comparison: Comparison) -> Sharpness | None:
    """No-reference scores of what was restored without a sharp twin. None where nothing was."""
    metrics = {name: NO_REFERENCE.build(name) for name in NO_REFERENCE.names()}
    shown = [result for result in comparison.results if result.shown]
    if not shown:
        return None
    rows = [
        (
            result.model,
            *(
                f"{finite_mean([row.scores[name] for row in result.shown]).value:.{metric.decimals}f}"
                for name, metric in metrics.items()
            ),
        )
        for result in shown
    ]
    return Sharpness(("model", *(metric.label for metric in metrics.values())), tuple(rows))
