"""Reading results folders for a report, and merging several."""

from __future__ import annotations

import glob
import math
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from deblurbench.errors import UsageError
from deblurbench.metrics.recipe import Recipe, find_recipe
from deblurbench.records.cells import CellName, read_cell
from deblurbench.records.costs import COST_COLUMNS
from deblurbench.records.experiments import read_environments, read_experiment, read_lines
from deblurbench.records.history import History, read_history
from deblurbench.records.paths import (
    BLURRED,
    COMPARISON,
    ENVIRONMENT,
    EXPERIMENT,
    HISTORY,
    NOTES,
    PER_IMAGE,
    PROBLEMS,
    REALLY_BLURRED,
    RUNS,
    VOTES,
)  # fmt: skip
from deblurbench.records.tables import ComparisonRow, ImageRow, UnpairedRow, no_reference_metrics, read_table
from deblurbench.records.validation import REWRITTEN
from deblurbench.records.votes import Vote, cut_off_note, read_votes
from deblurbench.report.results import Result, Results
from deblurbench.statistics.means import finite_mean

RowType = TypeVar("RowType", ComparisonRow, ImageRow, UnpairedRow)
SAME_INPUT = 0.01  # dB: machines may round a blurred pixel differently, no more


def read_results(folders: Sequence[Path]) -> Results:
    """Read one results folder, or several as one comparison. Raises UsageError where one is none, or they do not fit."""
    parts: list[Results] = []
    for folder in folders:
        parts.append(_read_one(folder, taken={part.title for part in parts}))
    recipe, unshared = _shared_recipe(parts)
    merged: list[Result] = []
    votes: list[Vote] = []
    for part in parts:
        renamed: dict[tuple[str, str], str] = {}
        for result in part.results:
            twin = next((row for row in merged if (row.dataset, row.model) == (result.dataset, result.model)), None)
            if twin is None:
                merged.append(result)
            elif result.is_input:
                _require_same_input(result, twin, part.first)
            else:
                renamed[result.dataset, result.model] = f"{result.model} ({part.title})"
                merged.append(_renamed(result, renamed[result.dataset, result.model]))
        votes += (_with_names(vote, renamed) for vote in part.votes)
    return Results(
        title=" + ".join(part.title for part in parts),
        folders=tuple(folder for part in parts for folder in part.folders),
        questions=tuple(dict.fromkeys(question for part in parts for question in part.questions)),
        recipe=recipe,
        results=tuple(merged),
        failures=tuple(failure for part in parts for failure in part.failures),
        problems=_all_lines(part.problems for part in parts),
        notes=_all_lines(part.notes for part in parts),
        remarks=(*(remark for part in parts for remark in part.remarks), *unshared),
        experiments={name: text for part in parts for name, text in part.experiments.items()},
        environments={name: value for part in parts for name, value in part.environments.items()},
        votes=tuple(votes),
    )


def _shared_recipe(parts: Sequence[Results]) -> tuple[Recipe, list[str]]:
    """The recipe of all parts with the metrics that all have, and a remark on those that only some have."""
    first = parts[0].recipe
    for part in parts:
        if part.recipe.title != first.title:
            names = f"{first.title} and {part.recipe.title}"
            raise UsageError(f"{part.title}: was scored with another recipe ({names}); such numbers cannot be merged")
    shared = set.intersection(*(set(part.recipe.metrics) for part in parts))
    unshared = sorted({metric for part in parts for metric in part.recipe.metrics} - shared)
    further = [spec for spec in first.further if spec["name"] in shared]
    remarks = [f"not scored in all of these results, and left out: {', '.join(unshared)}"] if unshared else []
    return find_recipe(first.title, further), remarks


def _all_lines(parts: Iterable[dict[str, list[str]]]) -> dict[str, list[str]]:
    """The lines of all parts by data set, each once."""
    found: dict[str, list[str]] = {}
    for part in parts:
        for dataset, lines in part.items():
            found[dataset] = list(dict.fromkeys(found.get(dataset, []) + lines))
    return found


def history_of(result: Result) -> History | None:
    """The training history of the result's first seed, or None where nothing was trained for it."""
    folder = result.folder / f"seed-{result.seeds[0]}"
    record = read_cell(folder)
    if record is not None and record.choice is not None:
        folder = result.folder.parent / record.choice.best / folder.name
    return read_history(folder / HISTORY) if (folder / HISTORY).is_file() else None


def _read_one(folder: Path, taken: set[str]) -> Results:
    for name in (COMPARISON, PER_IMAGE, EXPERIMENT, ENVIRONMENT, PROBLEMS, NOTES, RUNS):
        if not (folder / name).exists():
            raise UsageError(f"{folder}: holds no {name}; give a whole results folder, as deblurbench run has written it")
    experiment = read_experiment(folder)
    recipe = find_recipe(experiment["recipe"], experiment.get("metrics", []), f"{folder / EXPERIMENT}: recipe")
    name = folder.resolve().name
    title = next(label for label in (name, *(f"{name} {number}" for number in range(2, 1000))) if label not in taken)
    results = tuple(_results(folder, recipe))
    for result in results:
        history_of(result)  # so that a damaged one is named before anything is written
    return Results(
        title=title,
        folders=(folder,),
        questions=(experiment["question"],) if experiment["question"] else (),
        recipe=recipe,
        results=results,
        failures=tuple(_failures(folder, experiment)),
        problems=read_lines(folder / PROBLEMS),
        notes=read_lines(folder / NOTES),
        remarks=(*_remarks(folder, experiment), *filter(None, [cut_off_note(folder / VOTES)])),
        experiments={title: (folder / EXPERIMENT).read_text(encoding="utf-8")},
        environments={title: read_environments(folder)},
        votes=tuple(read_votes(folder / VOTES)),
    )


def _results(folder: Path, recipe: Recipe) -> Iterator[Result]:
    """The results in the tables of `folder`. Raises UsageError where one table lacks a cell that another has."""
    metrics = tuple(recipe.metrics)
    rows = read_table(folder / COMPARISON, ComparisonRow, metrics)
    images = read_table(folder / PER_IMAGE, ImageRow, metrics)
    path = folder / REALLY_BLURRED
    unpaired = read_table(path, UnpairedRow, no_reference_metrics()) if path.is_file() else []
    one, other = ({CellName(row.dataset, row.model, row.seed) for row in table} for table in (rows, images))
    if lone := sorted(one ^ other):
        table, lacking = (COMPARISON, PER_IMAGE) if lone[0] in one else (PER_IMAGE, COMPARISON)
        raise UsageError(f"{folder / lacking}: holds nothing of {lone[0].title}, which is in {table}; {REWRITTEN}")
    by_model, unpaired_by_model = _by_dataset_and_model(images), _by_dataset_and_model(unpaired)
    for (dataset, model), group in _by_dataset_and_model(rows).items():
        values = {metric: [row.scores[metric] for row in group] for metric in metrics}
        yield Result(
            dataset=dataset,
            model=model,
            family=group[0].family,
            network=group[0].network,
            inference=group[0].inference,
            is_oracle=group[0].oracle,
            seeds=tuple(row.seed for row in group),
            costs={name: sum(row.costs.get(name, math.nan) for row in group) / len(group) for name in COST_COLUMNS},
            scores={metric: finite_mean(numbers).value for metric, numbers in values.items()},
            spreads={metric: _deviation(numbers) for metric, numbers in values.items()} if len(group) > 1 else {},
            folder=folder / RUNS / dataset / model,
            rows=tuple(group),
            images=tuple(by_model[dataset, model]),
            shown=tuple(unpaired_by_model.get((dataset, model), [])),
        )


def _by_dataset_and_model(rows: list[RowType]) -> dict[tuple[str, str], list[RowType]]:
    grouped: dict[tuple[str, str], list[RowType]] = {}
    for row in rows:
        grouped.setdefault((row.dataset, row.model), []).append(row)
    return grouped


def _renamed(result: Result, model: str) -> Result:
    return replace(
        result,
        model=model,
        rows=tuple(replace(row, model=model) for row in result.rows),
        images=tuple(replace(row, model=model) for row in result.images),
        shown=tuple(replace(row, model=model) for row in result.shown),
    )


def _with_names(vote: Vote, renamed: dict[tuple[str, str], str]) -> Vote:
    left, right = (renamed.get((vote.dataset, model), model) for model in (vote.left, vote.right))
    return replace(vote, left=left, right=right)


def _failures(folder: Path, experiment: dict[str, Any]) -> Iterator[str]:
    """One line for each cell of the experiment that failed; what was moved aside is none of them."""
    labels = [BLURRED]
    for name, entry in experiment["models"].items():
        labels += [name, *entry["variants"]]
    for dataset in experiment["datasets"]:
        candidates = [
            path.name
            for name, entry in experiment["models"].items()
            if "sweep" in entry
            for path in sorted((folder / RUNS / dataset).glob(f"{glob.escape(name)}-candidate-*"))
        ]
        for label in [*labels, *candidates]:
            for seed in experiment["seeds"]:
                name = CellName(dataset, label, seed)
                record = read_cell(name.folder(folder))
                if record is not None and record.status == "failed":
                    yield f"{name.title}: {record.error or ''}"


def _remarks(folder: Path, experiment: dict[str, Any]) -> Iterator[str]:
    """What was trained for a time, and what a sweep has chosen."""
    shared = experiment["training"].get("minutes")
    timed = [
        name
        for name, entry in experiment["models"].items()
        if any(any((folder / RUNS).glob(f"*/{glob.escape(name)}{end}/seed-*/{HISTORY}")) for end in ("", "-candidate-*"))
        and (entry["training"].get("minutes", shared) or "training.minutes" in str(entry.get("sweep")))
    ]
    if timed:
        yield f"trained for a time, and so not exactly reproducible: {', '.join(timed)}"
    for dataset in experiment["datasets"]:
        for name in experiment["models"]:
            record = read_cell(CellName(dataset, name, experiment["seeds"][0]).folder(folder))
            if record is not None and (choice := record.choice) is not None:
                tried = "; ".join(
                    f"{psnr:.2f} dB with {', '.join(f'{key}={value}' for key, value in choice.settings[label].items())}"
                    for label, psnr in sorted(choice.validation_psnr.items(), key=lambda item: -item[1])
                )
                yield f"{dataset} / {name}: the best of a sweep by validation PSNR: {tried}"


def _deviation(numbers: list[float]) -> float:
    """The sample's standard deviation; NaN where one of them is infinite."""
    return statistics.stdev(numbers) if all(map(math.isfinite, numbers)) else math.nan


def _require_same_input(result: Result, twin: Result, metric: str) -> None:
    first, second = ({row.image: row.scores[metric] for row in one.images} for one in (result, twin))
    other = sorted(first.keys() ^ second.keys()) or sorted(
        image for image in first if not math.isclose(first[image], second[image], abs_tol=SAME_INPUT)
    )
    if other:
        raise UsageError(
            f"{result.folder}: the blurred input of '{result.dataset}' is not that in {twin.folder} ('{other[0]}' differs); "
            "the data sets are not the same and cannot be merged"
        )
