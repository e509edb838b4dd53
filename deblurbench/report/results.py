"""What a report is made of: the results of one results folder, or of several."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deblurbench.metrics.base import Metric
from deblurbench.metrics.recipe import Recipe
from deblurbench.records.paths import BLURRED
from deblurbench.records.tables import ComparisonRow, ImageRow, UnpairedRow
from deblurbench.records.votes import Vote

PERCEPTUAL = ("lpips", "dists", "gmsd")  # the first that was scored stands for how an image looks


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
    costs: dict[str, float]  # NUMBERS; NaN where time was not measured
    scores: dict[str, float]
    spreads: dict[str, float]  # standard deviations over seeds; empty with one seed
    folder: Path  # runs/DATASET/MODEL, of the results folder it came from
    rows: tuple[ComparisonRow, ...]  # of comparison.csv, one a seed
    images: tuple[ImageRow, ...]  # of per_image.csv, one a seed and test image
    shown: tuple[UnpairedRow, ...]  # of really_blurred.csv: photographs without truth, one a seed and photograph

    @property
    def is_input(self) -> bool:
        """Whether this is the untouched blurred input."""
        return self.model == BLURRED

    @property
    def is_trained(self) -> bool:
        """Whether training, by itself or of what it is made of, decided what it restores."""
        return self.costs["train_seconds"] > 0

    @property
    def competes(self) -> bool:
        """Whether it can be called the best: the input cannot, nor what knows more than a photograph tells."""
        return not (self.is_input or self.is_oracle)


@dataclass(frozen=True)
class Results:
    """Everything that a report shows, of one results folder or of several."""

    title: str
    folders: tuple[Path, ...]  # where it was read from
    questions: tuple[str, ...]
    recipe: Recipe
    results: tuple[Result, ...]
    failures: tuple[str, ...]
    problems: dict[str, list[str]]  # by data set: what was left out
    notes: dict[str, list[str]]  # by data set: what to know of its numbers
    remarks: tuple[str, ...]  # what to know of the trainings
    experiments: dict[str, str]  # by results folder: the resolved YAML
    environments: dict[str, Any]
    votes: tuple[Vote, ...]  # what people preferred, of all folders

    @property
    def first(self) -> str:
        """The metric in which answers are given and models are ordered: PSNR."""
        return next(iter(self.recipe.metrics))

    @property
    def perceptual_metric(self) -> str | None:
        """The metric that stands for how an image looks, of those that were scored."""
        return next((metric for metric in PERCEPTUAL if metric in self.recipe.metrics), None)

    def metric(self, name: str) -> Metric:
        """The metric in the column `name`."""
        return self.recipe.metrics[name]

    @property
    def datasets(self) -> list[str]:
        """Names of the data sets whose untouched input was scored, in their order."""
        return [result.dataset for result in self.results if result.is_input]

    def label(self, dataset: str) -> str:
        """What a data set is called wherever its numbers stand: those of registered pairs are another kind."""
        registered = any(row.pairs == "registered" for row in self.input_of(dataset).rows)
        return f"{dataset} (registered pairs)" if registered else dataset

    def of(self, dataset: str) -> list[Result]:
        """The results on one data set, in the order in which they were read."""
        return [result for result in self.results if result.dataset == dataset]

    def input_of(self, dataset: str) -> Result:
        """The untouched input's row."""
        return next(result for result in self.of(dataset) if result.is_input)
