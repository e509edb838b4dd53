"""Reading results folders for a report, and merging several."""

from __future__ import annotations

import glob
import math
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

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
    RUNS,
    VOTES,
)  # fmt: skip
from deblurbench.records.tables import RowType, Tables, read_tables
from deblurbench.records.votes import Vote, cut_off_note, read_votes
from deblurbench.report.results import Result, Results
from deblurbench.statistics.means import finite_mean

INPUT_TOLERANCE = 0.01  # dB: machines may round a blurred pixel differently, no more


def read_results(folders: Sequence[Path]) -> Results:
    """Read one results folder, or several as one comparison.

    Raises UsageError for an incomplete folder, and where the results of several do not compare.
    """
    parts: list[Results] = []
    for folder in folders:
        parts.append(_read_folder(folder, used_titles={part.title for part in parts}))
    recipe, dropped_metrics = _common_recipe(parts)
    results, votes = _merge_results(parts)
    return Results(
        title=" + ".join(part.title for part in parts),
        folders=tuple(folder for part in parts for folder in part.folders),
        questions=tuple(dict.fromkeys(question for part in parts for question in part.questions)),
        recipe=recipe,
        results=tuple(results),
        failures=tuple(failure for part in parts for failure in part.failures),
        problems=_merge_lines(part.problems for part in parts),
        notes=_merge_lines(part.notes for part in parts),
        remarks=(*(remark for part in parts for remark in part.remarks), *dropped_metrics, *_unrelated(parts)),
        experiments={name: text for part in parts for name, text in part.experiments.items()},
        environments={name: value for part in parts for name, value in part.environments.items()},
        votes=tuple(votes),
    )


def history_of(result: Result) -> History | None:
    """Return the training history of the result's first seed; None if nothing was trained for it."""
    folder = result.first_seed_folder
    record = read_cell(folder)
    if record is not None and record.choice is not None:
        folder = result.folder.parent / record.choice.best / folder.name
    return read_history(folder / HISTORY) if (folder / HISTORY).is_file() else None


def chosen_settings(result: Result) -> dict[str, Any]:
    """Return the settings that a sweep has chosen for the result's first seed; empty if none are stored."""
    record = read_cell(result.first_seed_folder)
    choice = record.choice if record else None
    return choice.settings[choice.best] if choice else {}


def _merge_results(parts: Sequence[Results]) -> tuple[list[Result], list[Vote]]:
    """Merge results and votes; a model whose name an earlier part has too gets the title of its own part added."""
    merged: list[Result] = []
    votes: list[Vote] = []
    for part in parts:
        renamed: dict[tuple[str, str], str] = {}
        for result in part.results:
            earlier = next((one for one in merged if (one.dataset, one.model) == (result.dataset, result.model)), None)
            if earlier is None:
                merged.append(result)
            elif result.is_input:
                _require_same_input(result, earlier, part.primary_metric)
            else:
                renamed[result.dataset, result.model] = f"{result.model} ({part.title})"
                merged.append(_rename(result, renamed[result.dataset, result.model]))
        votes += (_rename_in_vote(vote, renamed) for vote in part.votes)
    return merged, votes


def _common_recipe(parts: Sequence[Results]) -> tuple[Recipe, list[str]]:
    """Return the recipe of all parts with the metrics that all have, and a remark on those that only some have."""
    first = parts[0].recipe
    for part in parts:
        if part.recipe.title != first.title:
            names = f"{first.title} and {part.recipe.title}"
            raise UsageError(f"{part.title}: was scored with another recipe ({names}); such numbers cannot be merged")
    common = set.intersection(*(set(part.recipe.metrics) for part in parts))
    dropped = sorted({metric for part in parts for metric in part.recipe.metrics} - common)
    further = [spec for spec in first.further if spec["name"] in common]
    remarks = [f"not scored in all of these results, and left out: {', '.join(dropped)}"] if dropped else []
    return find_recipe(first.title, further), remarks


def _unrelated(parts: Sequence[Results]) -> Iterator[str]:
    """Yield a remark on each part that has no data set in common with another."""
    for part in parts:
        if len(parts) > 1 and not any(set(part.datasets) & set(other.datasets) for other in parts if other is not part):
            yield f"{part.title} has no data set in common with the others: nothing of it is compared with them"


def _merge_lines(parts: Iterable[dict[str, list[str]]]) -> dict[str, list[str]]:
    """Return the lines of all parts by data set, each once."""
    found: dict[str, list[str]] = {}
    for part in parts:
        for dataset, lines in part.items():
            found[dataset] = list(dict.fromkeys(found.get(dataset, []) + lines))
    return found


def _read_folder(folder: Path, used_titles: set[str]) -> Results:
    for name in (COMPARISON, PER_IMAGE, EXPERIMENT, ENVIRONMENT, PROBLEMS, NOTES, RUNS):
        if not (folder / name).exists():
            raise UsageError(f"{folder}: holds no {name}; give a whole results folder, as deblurbench run has written it")
    experiment = read_experiment(folder)
    recipe = find_recipe(experiment["recipe"], experiment.get("metrics", []), f"{folder / EXPERIMENT}: recipe")
    name = folder.resolve().name
    title = next(label for label in (name, *(f"{name} {number}" for number in range(2, 1000))) if label not in used_titles)
    results = tuple(_results(folder, read_tables(folder, tuple(recipe.metrics)), recipe))
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


def _results(folder: Path, tables: Tables, recipe: Recipe) -> Iterator[Result]:
    image_rows = _by_dataset_and_model(tables.images)
    really_blurred_rows = _by_dataset_and_model(tables.unpaired)
    for (dataset, model), rows in _by_dataset_and_model(tables.comparison).items():
        values = {metric: [row.scores[metric] for row in rows] for metric in recipe.metrics}
        yield Result(
            dataset=dataset,
            model=model,
            family=rows[0].family,
            network=rows[0].network,
            inference=rows[0].inference,
            is_oracle=rows[0].oracle,
            seeds=tuple(row.seed for row in rows),
            costs={name: sum(row.costs.get(name, math.nan) for row in rows) / len(rows) for name in COST_COLUMNS},
            scores={metric: finite_mean(numbers).value for metric, numbers in values.items()},
            deviations={metric: _deviation(numbers) for metric, numbers in values.items()} if len(rows) > 1 else {},
            folder=folder / RUNS / dataset / model,
            comparison_rows=tuple(rows),
            image_rows=tuple(image_rows[dataset, model]),
            really_blurred_rows=tuple(really_blurred_rows.get((dataset, model), [])),
        )


def _by_dataset_and_model(rows: list[RowType]) -> dict[tuple[str, str], list[RowType]]:
    grouped: dict[tuple[str, str], list[RowType]] = {}
    for row in rows:
        grouped.setdefault((row.dataset, row.model), []).append(row)
    return grouped


def _rename(result: Result, model: str) -> Result:
    return replace(
        result,
        model=model,
        comparison_rows=tuple(replace(row, model=model) for row in result.comparison_rows),
        image_rows=tuple(replace(row, model=model) for row in result.image_rows),
        really_blurred_rows=tuple(replace(row, model=model) for row in result.really_blurred_rows),
    )


def _rename_in_vote(vote: Vote, renamed: dict[tuple[str, str], str]) -> Vote:
    left, right = (renamed.get((vote.dataset, model), model) for model in (vote.left, vote.right))
    return replace(vote, left=left, right=right)


def _failures(folder: Path, experiment: dict[str, Any]) -> Iterator[str]:
    """Yield a line for each cell of the experiment that failed; cells that were moved aside do not count."""
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
    """Yield the models that were trained for a time, and the validation PSNR of every candidate of a sweep."""
    common_minutes = experiment["training"].get("minutes")
    timed = [
        name
        for name, entry in experiment["models"].items()
        if any(any((folder / RUNS).glob(f"*/{glob.escape(name)}{end}/seed-*/{HISTORY}")) for end in ("", "-candidate-*"))
        and (entry["training"].get("minutes", common_minutes) or "training.minutes" in str(entry.get("sweep")))
    ]
    if timed:
        yield f"trained for a time, and so not exactly reproducible: {', '.join(timed)}"
    for dataset in experiment["datasets"]:
        for name in experiment["models"]:
            record = read_cell(CellName(dataset, name, experiment["seeds"][0]).folder(folder))
            if record is not None and (choice := record.choice) is not None:
                candidates = "; ".join(
                    f"{psnr:.2f} dB with {', '.join(f'{key}={value}' for key, value in choice.settings[label].items())}"
                    for label, psnr in sorted(choice.validation_psnr.items(), key=lambda item: -item[1])
                )
                yield f"{dataset} / {name}: the best of a sweep by validation PSNR: {candidates}"


def _deviation(numbers: list[float]) -> float:
    """Return the sample standard deviation; NaN if one of the numbers is infinite."""
    return statistics.stdev(numbers) if all(map(math.isfinite, numbers)) else math.nan


def _require_same_input(result: Result, earlier: Result, metric: str) -> None:
    first, second = ({row.image: row.scores[metric] for row in one.image_rows} for one in (result, earlier))
    differing = sorted(first.keys() ^ second.keys()) or sorted(
        image for image in first if not math.isclose(first[image], second[image], abs_tol=INPUT_TOLERANCE)
    )
    if differing:
        raise UsageError(
            f"{result.folder}: the blurred input of '{result.dataset}' is not that in {earlier.folder} ('{differing[0]}' "
            "differs); the data sets are not the same and cannot be merged"
        )
