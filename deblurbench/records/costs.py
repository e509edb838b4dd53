"""The costs of restoring with a model: one field a column of `costs.json`, `comparison.csv` and the report's table."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from deblurbench.records.validation import Amount, Count, read_json_record, write_json_record

HEADING = "heading"  # of the column in the report's table; an empty one has none
EXPLANATION = "explanation"  # of that column, in one sentence
REMEDY = "remove it and run the experiment again, which measures anew"


def _column(heading: str, explanation: str) -> dict[str, str]:
    return {HEADING: heading, EXPLANATION: explanation}


@dataclass(frozen=True)
class Costs:
    """The costs of one model. Parameters, evaluations and MACs are of all networks that restore one 256x256 image."""

    params: Count = field(metadata=_column("parameters", "Trained numbers of all networks that restoring takes."))
    evaluations: Count = field(metadata=_column("network evaluations", "How many times networks are run to restore one image."))
    macs: Count = field(
        metadata=_column("MACs at 256x256", "Multiply-accumulate operations to restore one image of 256x256 pixels.")
    )
    train_seconds: Amount = field(
        metadata=_column("training time", "Time of all trainings that its weights took, each counted once.")
    )
    ms_per_megapixel: Amount = field(
        metadata=_column(
            "ms / megapixel",
            "Milliseconds to restore a million pixels, the least of all rounds; in brackets, how much longer the median is.",
        )
    )
    ms_per_megapixel_spread: Amount = field(metadata=_column("", ""))  # by what part of it the median is longer


COST_COLUMNS = tuple(each.name for each in fields(Costs))
COST_HEADINGS: dict[str, str] = {each.name: each.metadata[HEADING] for each in fields(Costs) if each.metadata[HEADING]}
COST_EXPLANATIONS: dict[str, str] = {each.name: each.metadata[EXPLANATION] for each in fields(Costs) if each.metadata[HEADING]}


@dataclass(frozen=True)
class MeasuredCosts:
    """The costs of a cell, and of which weights and which way to restore they are."""

    scoring_identity: str
    weights: str
    rounds: Count
    costs: Costs


@dataclass(frozen=True)
class CostsOfDataset:
    """`costs.json`: the costs of all cells of a data set, measured in one sitting; cells by MODEL/seed-N."""

    environment: dict[str, Any]
    cells: dict[str, MeasuredCosts]


def before_measuring(train_seconds: float) -> dict[str, float]:
    """The costs that are known before any is measured."""
    return {"train_seconds": train_seconds}


def read_costs(path: Path) -> CostsOfDataset | None:
    """The costs in `path`; None where there is no such file. Raises UsageError where it is damaged."""
    return read_json_record(path, CostsOfDataset, REMEDY) if path.is_file() else None


def write_costs(path: Path, costs: CostsOfDataset) -> None:
    """Write `costs` to `path`."""
    write_json_record(path, costs)
