"""What a results folder holds, read for a report."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deblurbench.errors import UsageError
from deblurbench.files import read_json
from deblurbench.metrics.recipe import Recipe, find_recipe
from deblurbench.results_folder import (
    BLURRED,
    COMPARISON,
    ENVIRONMENT,
    EXPERIMENT,
    HISTORY,
    NOTES,
    PER_IMAGE,
    PROBLEMS,
    RECORD,
    RUNS,
)  # fmt: skip
from deblurbench.yaml_files import read_yaml

Row = dict[str, str]
SAME_INPUT = 0.01  # dB: machines may round a blurred pixel differently, no more
NUMBERS = ("params", "evaluations", "macs", "train_seconds", "ms_per_megapixel")


@dataclass(frozen=True)
class Result:
    """One row of a report's table: a model on a data set, the mean over its seeds."""

    dataset: str
    model: str
    family: str
    network: str  # or the classical method
    inference: str  # how it restores: sampling steps, switches
    is_oracle: bool  # told the true blur kernel
    seeds: tuple[int, ...]
    costs: dict[str, float]  # NUMBERS
    scores: dict[str, float]
    spreads: dict[str, float]  # standard deviations over seeds; empty with one seed
    folder: Path  # runs/DATASET/MODEL, of the results folder it came from
    rows: tuple[Row, ...]  # of comparison.csv, one a seed
    images: tuple[Row, ...]  # of per_image.csv, one a seed and test image

    @property
    def is_input(self) -> bool:
        """Whether this is the untouched blurred input."""
        return self.model == BLURRED

    @property
    def competes(self) -> bool:
        """Whether it can be called the best: the input cannot, nor what knows more than a photograph tells."""
        return not (self.is_input or self.is_oracle)


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
    notes: dict[str, list[str]]  # by data set: what to know of its numbers
    remarks: tuple[str, ...]  # what to know of the trainings
    experiments: dict[str, str]  # by results folder: the resolved YAML
    environments: dict[str, Any]

    @property
    def datasets(self) -> list[str]:
        """Names of the data sets whose untouched input was scored, in their order."""
        return [result.dataset for result in self.results if result.is_input]

    def label(self, dataset: str) -> str:
        """What a data set is called wherever its numbers stand: those of registered pairs are another kind."""
        registered = any(row["pairs"] == "registered" for row in self.input_of(dataset).rows)
        return f"{dataset} (registered pairs)" if registered else dataset

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
        """The best value of `metric` among the models (not the input, and no oracle)."""
        values = [result.scores[metric] for result in self.of(dataset) if result.competes]
        return max(values, key=lambda value: self.goodness(metric, value), default=float("nan"))


def read_results(folders: Sequence[Path]) -> Results:
    """Read one results folder, or several as one comparison. Raises UsageError where one is none, or they do not fit."""
    parts: list[Results] = []
    for folder in folders:
        parts.append(_read_one(folder, taken={part.title for part in parts}))
    recipes = sorted({part.recipe.name for part in parts})
    if len(recipes) > 1:
        named = ", ".join(recipes)
        raise UsageError(f"{folders[1]}: was scored with another recipe ({named}); such numbers cannot be merged")
    merged: list[Result] = []
    problems: dict[str, list[str]] = {}
    notes: dict[str, list[str]] = {}
    for part in parts:
        for result in part.results:
            twin = next((row for row in merged if (row.dataset, row.model) == (result.dataset, result.model)), None)
            if twin is None:
                merged.append(result)
            elif result.is_input:
                _require_same_input(result, twin, part.recipe.metrics[0])
            else:
                merged.append(_renamed(result, f"{result.model} ({part.title})"))
        for found, lines_of in ((problems, part.problems), (notes, part.notes)):
            for dataset, lines in lines_of.items():
                found[dataset] = list(dict.fromkeys(found.get(dataset, []) + lines))
    return Results(
        title=" + ".join(part.title for part in parts),
        questions=tuple(dict.fromkeys(question for part in parts for question in part.questions)),
        recipe=parts[0].recipe,
        results=tuple(merged),
        test_images={name: count for part in parts for name, count in part.test_images.items()},
        failures=tuple(failure for part in parts for failure in part.failures),
        problems=problems,
        notes=notes,
        remarks=tuple(remark for part in parts for remark in part.remarks),
        experiments={name: text for part in parts for name, text in part.experiments.items()},
        environments={name: value for part in parts for name, value in part.environments.items()},
    )


def history_of(result: Result) -> dict[str, list[dict[str, Any]]] | None:
    """The training history of the result's first seed, or None where nothing was trained for it."""
    folder = result.folder / f"seed-{result.seeds[0]}"
    record = read_json(folder / RECORD) if (folder / RECORD).is_file() else {}
    if "chosen" in record:
        folder = result.folder.parent / record["chosen"] / folder.name
    return read_json(folder / HISTORY) if (folder / HISTORY).is_file() else None


def _read_one(folder: Path, taken: set[str]) -> Results:
    for name in (COMPARISON, PER_IMAGE, EXPERIMENT, ENVIRONMENT, PROBLEMS, NOTES, RUNS):
        if not (folder / name).exists():
            raise UsageError(f"{folder}: holds no {name}; give a whole results folder, as deblurbench run has written it")
    experiment = read_yaml(folder / EXPERIMENT)
    recipe = find_recipe(experiment["recipe"], f"{folder / EXPERIMENT}: recipe")
    rows, images = _read_csv(folder / COMPARISON), _read_csv(folder / PER_IMAGE)
    name = folder.resolve().name
    title = next(label for label in (name, *(f"{name} {number}" for number in range(2, 1000))) if label not in taken)
    return Results(
        title=title,
        questions=(experiment["question"],) if experiment["question"] else (),
        recipe=recipe,
        results=tuple(_results(folder, rows, images, recipe)),
        test_images={name: len({row["image"] for row in images if row["dataset"] == name}) for name in experiment["datasets"]},
        failures=tuple(_failures(folder, experiment)),
        problems={name: lines for name, lines in read_json(folder / PROBLEMS).items() if lines},
        notes={name: lines for name, lines in read_json(folder / NOTES).items() if lines},
        remarks=tuple(_remarks(folder, experiment)),
        experiments={title: (folder / EXPERIMENT).read_text(encoding="utf-8")},
        environments={title: read_json(folder / ENVIRONMENT)},
    )


def _read_csv(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _results(folder: Path, rows: list[Row], images: list[Row], recipe: Recipe) -> Iterator[Result]:
    grouped: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        grouped.setdefault((row["dataset"], row["model"]), []).append(row)
    for (dataset, model), group in grouped.items():
        values = {metric: [float(row[metric]) for row in group] for metric in recipe.metrics}
        yield Result(
            dataset=dataset,
            model=model,
            family=group[0]["family"],
            network=group[0]["network"],
            inference=group[0]["inference"],
            is_oracle=group[0]["oracle"] == "True",
            seeds=tuple(int(row["seed"]) for row in group),
            costs={name: sum(float(row[name]) for row in group) / len(group) for name in NUMBERS},
            scores={metric: sum(numbers) / len(numbers) for metric, numbers in values.items()},
            spreads={metric: _deviation(numbers) for metric, numbers in values.items()} if len(group) > 1 else {},
            folder=folder / RUNS / dataset / model,
            rows=tuple(group),
            images=tuple(row for row in images if (row["dataset"], row["model"]) == (dataset, model)),
        )


def _renamed(result: Result, model: str) -> Result:
    rows, images = (tuple({**row, "model": model} for row in table) for table in (result.rows, result.images))
    return replace(result, model=model, rows=rows, images=images)


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
            for path in sorted((folder / RUNS / dataset).glob(f"{name}-candidate-*"))
        ]
        for label in [*labels, *candidates]:
            for seed in experiment["seeds"]:
                path = folder / RUNS / dataset / label / f"seed-{seed}" / RECORD
                record = read_json(path) if path.is_file() else {"status": "none"}
                if record["status"] == "failed":
                    yield f"{dataset} / {label} / seed {seed}: {record['error']}"


def _remarks(folder: Path, experiment: dict[str, Any]) -> Iterator[str]:
    """What was trained for a time, and what a sweep has chosen."""
    shared = experiment["training"].get("minutes")
    timed = [
        name
        for name, entry in experiment["models"].items()
        if any(any((folder / RUNS).glob(f"*/{label}/seed-*/{HISTORY}")) for label in (name, f"{name}-candidate-*"))
        and (entry["training"].get("minutes", shared) or "training.minutes" in str(entry.get("sweep")))
    ]
    if timed:
        yield f"trained for a time, and so not exactly reproducible: {', '.join(timed)}"
    for dataset in experiment["datasets"]:
        for name in experiment["models"]:
            path = folder / RUNS / dataset / name / f"seed-{experiment['seeds'][0]}" / RECORD
            record = read_json(path) if path.is_file() else {}
            if "chosen" in record:
                tried = "; ".join(
                    f"{psnr:.2f} dB with {', '.join(f'{key}={value}' for key, value in record['settings'][label].items())}"
                    for label, psnr in sorted(record["validation_psnr"].items(), key=lambda item: -item[1])
                )
                yield f"{dataset} / {name}: the best of a sweep by validation PSNR: {tried}"


def _deviation(numbers: list[float]) -> float:
    mean = sum(numbers) / len(numbers)
    return math.sqrt(sum((number - mean) ** 2 for number in numbers) / (len(numbers) - 1))


def _require_same_input(result: Result, twin: Result, metric: str) -> None:
    if abs(twin.scores[metric] - result.scores[metric]) > SAME_INPUT:
        raise UsageError(
            f"{result.folder}: the blurred input of '{result.dataset}' scores differently than in {twin.folder}; "
            "the data sets are not the same and cannot be merged"
        )
