"""`plan.json`: the cells of an experiment, with the identities that they should have, for processes that run one of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deblurbench.errors import UsageError
from deblurbench.records.paths import PLAN
from deblurbench.records.validation import read_json_record, write_json_record

REMEDY = "plan it with: deblurbench run EXPERIMENT --plan --out"


@dataclass(frozen=True)
class PlannedIdentity:
    """A cell as DATASET/MODEL/seed-N, the identities of its two steps, and the cells that must be done before it."""

    name: str
    training_identity: str
    scoring_identity: str
    needs: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """All cells of an experiment, each after those that it needs."""

    cells: tuple[PlannedIdentity, ...]


def read_plan(results: Path) -> Plan:
    """The plan in the folder `results`. Raises UsageError where there is none, or it is damaged."""
    path = results / PLAN
    if not path.is_file():
        raise UsageError(f"{results}: holds no {PLAN}; {REMEDY} {results}")
    return read_json_record(path, Plan, f"{REMEDY} {results}")


def write_plan(results: Path, plan: Plan) -> None:
    """Write `plan` into the folder `results`."""
    write_json_record(results / PLAN, plan)
