"""What a results folder holds, read for a report."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deblurbench.benchmark.cells import RECORD
from deblurbench.benchmark.collect import COMPARISON
from deblurbench.benchmark.runner import ENVIRONMENT, EXPERIMENT, PROBLEMS
from deblurbench.errors import UsageError
from deblurbench.experiment import BLURRED
from deblurbench.files import read_json
from deblurbench.metrics.recipe import Recipe, find_recipe
from deblurbench.training.trainer import HISTORY
from deblurbench.yaml_files import read_yaml

NUMBERS = ("params", "macs", "train_seconds", "ms_per_megapixel")


@dataclass(frozen=True)
class Result:
    """One row of a report's table: a model on a data set, the mean over its seeds."""

    dataset: str
    model: str
    family: str
    network: str
    seeds: tuple[int, ...]
    costs: dict[str, float]  # NUMBERS
    scores: dict[str, float]
    spreads: dict[str, float]  # standard deviations over seeds; empty with one seed
    folder: Path  # runs/DATASET/MODEL, of the results folder it came from
    weights_folder: Path  # that of the model whose weights it uses

    @property
    def is_input(self) -> bool:
        """Whether this is the untouched blurred input."""
        return self.model == BLURRED


@dataclass(frozen=True)
class Results:
    """Everything that a report shows, of one results folder or of several."""

    title: str
    questions: tuple[str, ...]
    recipe: Recipe
    results: tuple[Result, ...]
    test_images: dict[str, int]  # by data set
    failures: tuple[str, ...]
    problems: dict[str, list[str]]  # by data set: what was left out
    experiments: dict[str, str]  # by results folder: the resolved YAML
    environments: dict[str, Any]

    @property
    def datasets(self) -> list[str]:
        """Names of the data sets, in their order."""
        return list(dict.fromkeys(result.dataset for result in self.results))

    def of(self, dataset: str) -> list[Result]:
        """The results on one data set, best PSNR (or first metric) first."""
        metric = self.recipe.metrics[0]
        best_last = sorted(
            (result for result in self.results if result.dataset == dataset),
            key=lambda result: (not math.isnan(result.scores[metric]), self.goodness(metric, result.scores[metric])),
        )
        return best_last[::-1]

    def input_of(self, dataset: str) -> Result:
        """The untouched input's row."""
        return next(result for result in self.of(dataset) if result.is_input)

    def goodness(self, metric: str, value: float) -> float:
        """`value`, turned so that higher is better."""
        return value if self.recipe.metric(metric).higher_is_better else -value

    def best(self, dataset: str, metric: str) -> float:
        """The best value of `metric` among the models (not the input)."""
        values = [result.scores[metric] for result in self.of(dataset) if not result.is_input]
        return max(values, key=lambda value: self.goodness(metric, value), default=float("nan"))


def read_results(folders: Sequence[Path]) -> Results:
    """Read one results folder, or several as one comparison. Raises UsageError where one is none, or recipes differ."""
    parts = [_read_one(folder) for folder in folders]
    recipes = {part.recipe.name for part in parts}
    if len(recipes) > 1:
        raise UsageError(
            f"{folders[1]}: was scored with another recipe ({', '.join(sorted(recipes))}); numbers cannot be merged"
        )
    rows: list[Result] = []
    for part in parts:
        for result in part.results:
            taken = {(row.dataset, row.model) for row in rows}
            if result.is_input and (result.dataset, BLURRED) in taken:
                _require_same_input(result, rows)
                continue
            if (result.dataset, result.model) in taken:
                result = replace(result, model=f"{result.model} ({part.title})")
            rows.append(result)
    return Results(
        title=" + ".join(part.title for part in parts),
        questions=tuple(dict.fromkeys(question for part in parts for question in part.questions)),
        recipe=parts[0].recipe,
        results=tuple(rows),
        test_images={name: count for part in parts for name, count in part.test_images.items()},
        failures=tuple(failure for part in parts for failure in part.failures),
        problems={name: lines for part in parts for name, lines in part.problems.items()},
        experiments={name: text for part in parts for name, text in part.experiments.items()},
        environments={name: value for part in parts for name, value in part.environments.items()},
    )


def history_of(result: Result) -> dict[str, list[dict[str, Any]]] | None:
    """The training history of the result's first seed, or None where nothing was trained for it."""
    path = result.folder / f"seed-{result.seeds[0]}" / HISTORY
    return read_json(path) if path.is_file() else None


def _read_one(folder: Path) -> Results:
    if not (folder / COMPARISON).is_file() or not (folder / EXPERIMENT).is_file():
        raise UsageError(f"{folder}: holds no {COMPARISON} and {EXPERIMENT}; give a folder that deblurbench run has written")
    experiment = read_yaml(folder / EXPERIMENT)
    recipe = find_recipe(experiment["recipe"], f"{folder / EXPERIMENT}: recipe")
    with (folder / COMPARISON).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with (folder / "per_image.csv").open(encoding="utf-8", newline="") as file:
        images = {(row["dataset"], row["image"]) for row in csv.DictReader(file)}
    title = folder.resolve().name
    return Results(
        title=title,
        questions=(experiment["question"],) if experiment["question"] else (),
        recipe=recipe,
        results=tuple(_results(folder, rows, recipe, experiment)),
        test_images={name: sum(dataset == name for dataset, _ in images) for name in experiment["datasets"]},
        failures=tuple(_failures(folder, experiment)),
        problems={name: lines for name, lines in read_json(folder / PROBLEMS).items() if lines},
        experiments={title: (folder / EXPERIMENT).read_text(encoding="utf-8")},
        environments={title: read_json(folder / ENVIRONMENT)},
    )


def _results(folder: Path, rows: list[dict[str, str]], recipe: Recipe, experiment: dict[str, Any]) -> list[Result]:
    owners = {label: name for name, entry in experiment["models"].items() for label in entry["variants"]}
    grouped: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in rows:
        grouped.setdefault((row["dataset"], row["model"]), []).append(row)
    results = []
    for (dataset, model), group in grouped.items():
        values = {metric: [float(row[metric]) for row in group] for metric in recipe.metrics}
        means = {metric: sum(numbers) / len(numbers) for metric, numbers in values.items()}
        results.append(
            Result(
                dataset=dataset,
                model=model,
                family=group[0]["family"],
                network=group[0]["network"],
                seeds=tuple(int(row["seed"]) for row in group),
                costs={name: sum(float(row[name]) for row in group) / len(group) for name in NUMBERS},
                scores=means,
                spreads={metric: _deviation(numbers) for metric, numbers in values.items()} if len(group) > 1 else {},
                folder=folder / "runs" / dataset / model,
                weights_folder=folder / "runs" / dataset / owners.get(model, model),
            )
        )
    return results


def _failures(folder: Path, experiment: dict[str, Any]) -> list[str]:
    models = {*experiment["models"], *(label for entry in experiment["models"].values() for label in entry["variants"])}
    failures = []
    for path in sorted(folder.glob(f"runs/*/*/seed-*/{RECORD}")):
        record = read_json(path)
        if record["status"] == "failed" and record["dataset"] in experiment["datasets"] and record["model"] in models:
            failures.append(f"{record['dataset']} / {record['model']} / seed {record['seed']}: {record['error']}")
    return failures


def _deviation(numbers: list[float]) -> float:
    mean = sum(numbers) / len(numbers)
    return math.sqrt(sum((number - mean) ** 2 for number in numbers) / (len(numbers) - 1))


def _require_same_input(result: Result, rows: list[Result]) -> None:
    known = next(row for row in rows if row.dataset == result.dataset and row.is_input)
    if known.scores != result.scores:
        raise UsageError(
            f"{result.folder}: the blurred input of '{result.dataset}' scores differently than in {known.folder}; "
            "the data sets are not the same and cannot be merged"
        )
