"""No-reference scores of really blurred photographs, which have no ground truth."""

from __future__ import annotations

from dataclasses import dataclass

from deblurbench.registry import NO_REFERENCE
from deblurbench.report.findings.comparison import Comparison
from deblurbench.statistics.means import finite_mean


@dataclass(frozen=True)
class NoReferenceTable:
    """The mean scores of each model over the really blurred photographs."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def no_reference_table(comparison: Comparison) -> NoReferenceTable | None:
    """Return the no-reference scores of the really blurred photographs. None if there are none."""
    metrics = {name: NO_REFERENCE.build(name) for name in NO_REFERENCE.names()}
    scored = [result for result in comparison.results if result.really_blurred_rows]
    if not scored:
        return None
    rows = []
    for result in scored:
        means = {name: finite_mean(result.no_reference_scores(name)).value for name in metrics}
        rows.append((result.model, *(f"{means[name]:.{metric.decimals}f}" for name, metric in metrics.items())))
    return NoReferenceTable(("model", *(metric.label for metric in metrics.values())), tuple(rows))
