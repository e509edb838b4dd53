"""From the records of the cells to the two tables that everything else reads."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from deblurbench.benchmark.cells import Cell
from deblurbench.benchmark.times import stored_time
from deblurbench.files import write_csv, write_json
from deblurbench.metrics.recipe import Recipe
from deblurbench.records.paths import COMPARISON, ENVIRONMENT, PER_IMAGE, REALLY_BLURRED
from deblurbench.registry import NO_REFERENCE
from deblurbench.scoring.costs import TimeCost
from deblurbench.scoring.test_set import mean_scores

FACTS = (
    "family", "network", "inference", "oracle", "pairs", "params", "evaluations", "macs", "train_seconds", *TimeCost._fields,
    "data", "weights",
)  # fmt: skip

NAMES = ("dataset", "model", "seed")
IMAGE = ("image", "scene", "blur", "spread")


def write_tables(cells: Iterable[Cell], recipe: Recipe, out: Path) -> None:
    """Write `comparison.csv`, one row a finished cell, `per_image.csv`, one row a test image of each, and `environment.json`.

    Times are empty until they are measured. `really_blurred.csv` has the photographs without a sharp twin, where there are
    any. `environment.json` lists each environment with the cells that were finished in it: a run may go on elsewhere.
    """
    summary: list[dict[str, Any]] = []
    images: list[dict[str, Any]] = []
    shown: list[dict[str, Any]] = []
    environments: list[dict[str, Any]] = []
    for cell in cells:
        record = cell.finished()
        if record is None or cell.is_candidate:
            continue
        name = {"dataset": cell.dataset, "model": cell.model, "seed": cell.seed, "pairs": record["pairs"]}
        times = stored_time(cell, record)
        known = record | (times._asdict() if times else dict.fromkeys(TimeCost._fields, ""))
        facts = {key: known[key] for key in FACTS}
        summary.append(
            {"dataset": cell.dataset, "model": cell.model, "family": facts.pop("family"), "network": facts.pop("network"),
             "seed": cell.seed, **facts, **dict(mean_scores(record["scores"], recipe.metrics))}
        )  # fmt: skip
        _add_to(environments, record["environment"], cell.title)
        images += [name | {key: row[key] for key in (*IMAGE, *recipe.metrics)} for row in record["scores"]]
        unpaired = {key: name[key] for key in NAMES}
        shown += [unpaired | {key: row[key] for key in ("image", *NO_REFERENCE.names())} for row in record["shown"]]
    names = ("dataset", "model", "family", "network", "seed", *FACTS[2:], *recipe.metrics)
    write_csv(out / COMPARISON, names, summary)
    write_csv(out / PER_IMAGE, (*NAMES, "pairs", *IMAGE, *recipe.metrics), images)
    if shown:
        write_csv(out / REALLY_BLURRED, (*NAMES, "image", *NO_REFERENCE.names()), shown)
    else:
        (out / REALLY_BLURRED).unlink(missing_ok=True)
    write_json(out / ENVIRONMENT, environments)


def _add_to(environments: list[dict[str, Any]], environment: dict[str, Any], title: str) -> None:
    for known in environments:
        if all(known.get(key) == value for key, value in environment.items()):
            known["cells"].append(title)
            return
    environments.append({**environment, "cells": [title]})
