"""The experiment of a results folder: its resolved YAML, its environments, and messages about its data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, NotRequired

from annotated_types import MinLen
from typing_extensions import TypedDict

from deblurbench.records.paths import ENVIRONMENT, EXPERIMENT
from deblurbench.records.validation import REWRITTEN, FolderName, check_record, read_json_record
from deblurbench.yaml_files import read_yaml

Line = Annotated[str, MinLen(1)]
Lines = dict[str, list[Line]]


class ResolvedModel(TypedDict):
    """The keys of a model of the resolved experiment that a report needs."""

    variants: dict[FolderName, Any]
    training: dict[str, Any]


class ResolvedExperiment(TypedDict):
    """`experiment.yaml`: the keys that a report needs."""

    question: str
    datasets: dict[FolderName, Any]
    models: dict[FolderName, ResolvedModel]
    training: dict[str, Any]
    seeds: Annotated[list[int], MinLen(1)]
    recipe: str
    metrics: NotRequired[list[Any]]


def read_experiment(results: Path) -> dict[str, Any]:
    """The resolved experiment of the folder `results`. Raises UsageError where it is damaged."""
    path = results / EXPERIMENT
    experiment: dict[str, Any] = check_record(read_yaml(path), ResolvedExperiment, path, REWRITTEN)
    return experiment


def read_lines(path: Path) -> dict[str, list[str]]:
    """The lines of `problems.json` or `notes.json` by data set, of those that have some."""
    lines: dict[str, list[str]] = read_json_record(path, Lines, REWRITTEN)
    return {dataset: found for dataset, found in lines.items() if found}


def read_environments(results: Path) -> Any:
    """`environment.json` of the folder `results`: each environment, and the cells that were trained and scored in it."""
    return read_json_record(results / ENVIRONMENT, list[dict[str, Any]], REWRITTEN)
