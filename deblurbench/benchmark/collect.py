"""From the records of the cells to the tables that everything else reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deblurbench.benchmark.changes import finished
from deblurbench.benchmark.costs import stored_costs
from deblurbench.benchmark.plan import Cell
from deblurbench.benchmark.weights import training_seconds
from deblurbench.files import write_json
from deblurbench.records.cells import CellRecord, CellScores
from deblurbench.records.costs import before_measuring
from deblurbench.records.history import read_history
from deblurbench.records.paths import COMPARISON, ENVIRONMENT, HISTORY, PER_IMAGE, REALLY_BLURRED
from deblurbench.records.scores import ImageScores
from deblurbench.records.tables import ComparisonRow, ImageRow, UnpairedRow, no_reference_metrics, write_table
from deblurbench.statistics.means import finite_mean


def write_tables(cells: Iterable[Cell], out: Path) -> None:
    """Write `comparison.csv`, one row a finished cell, `per_image.csv`, one row a test image of each, and `environment.json`.

    Costs are empty until they are measured. `really_blurred.csv` has the photographs without a sharp counterpart, where
    there are any.
    """
    done = [(cell, record) for cell in cells if (record := finished(cell))]
    scored = [(cell, record, record.scores) for cell, record in done if record.scores]
    metrics = next((cell.metrics for cell, _, _ in scored), ())
    write_table(out / COMPARISON, ComparisonRow, [_summary(*each) for each in scored], metrics)
    images = [
        ImageRow(*cell.name, scores.pairs, row.image, row.scene, row.blur, row.spread, row.scores)
        for cell, _, scores in scored
        for row in scores.images
    ]
    write_table(out / PER_IMAGE, ImageRow, images, metrics)
    unpaired = [UnpairedRow(*cell.name, row.image, row.scores) for cell, _, scores in scored for row in scores.unpaired]
    if unpaired:
        write_table(out / REALLY_BLURRED, UnpairedRow, unpaired, no_reference_metrics())
    else:
        (out / REALLY_BLURRED).unlink(missing_ok=True)
    write_json(out / ENVIRONMENT, _environments(done))


def _summary(cell: Cell, record: CellRecord, scores: CellScores) -> ComparisonRow:
    costs = stored_costs(cell, record)
    return ComparisonRow(
        dataset=cell.name.dataset,
        model=cell.name.model,
        family=scores.family,
        network=scores.network,
        seed=cell.name.seed,
        inference=scores.inference,
        oracle=scores.oracle,
        pairs=scores.pairs,
        costs=asdict(costs) if costs else before_measuring(round(training_seconds(cell), 3)),
        data=scores.data,
        weights=scores.weights,
        scores=mean_scores(scores.images, cell.metrics),
    )


def mean_scores(images: Iterable[ImageScores], metrics: Iterable[str]) -> dict[str, float]:
    """Each metric's mean over the images with a finite value: identical images have an infinite PSNR."""
    images = list(images)
    return {metric: finite_mean([row.scores[metric] for row in images]).value for metric in metrics}


def _environments(done: Iterable[tuple[Cell, CellRecord]]) -> list[dict[str, Any]]:
    """Each environment, with the cells that were scored in it and those that were trained in it, at least in part."""
    found: list[dict[str, Any]] = []

    def add(environment: dict[str, Any], key: str, cell: Cell) -> None:
        for known in found:
            if all(known.get(name) == value for name, value in environment.items()):
                break
        else:
            known = {**environment, "cells": [], "trained": []}
            found.append(known)
        known[key].append(cell.title)

    for cell, record in done:
        if cell.settings is not None:
            for environment in read_history(cell.folder / HISTORY).environments:
                add(environment, "trained", cell)
        if record.scores is not None:
            add(record.scores.environment, "cells", cell)
    return found
