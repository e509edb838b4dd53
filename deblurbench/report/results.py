"""The results that a report is made of, from one results folder or several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deblurbench.errors import UsageError, suggestion
from deblurbench.metrics.base import Metric
from deblurbench.metrics.recipe import Recipe
from deblurbench.records.paths import BLURRED
from deblurbench.records.tables import ComparisonRow, ImageRow, UnpairedRow
from deblurbench.records.votes import Vote

PERCEPTUAL = ("lpips", "dists", "gmsd")  # the first of these that was scored is the perceptual metric of a report


@dataclass(frozen=True)
class Result:
    """One row of a report's table: a model on a data set, averaged over its seeds."""

    dataset: str
    model: str
    family: str
    network: str  # or the classical method
    inference: str  # how it restores: sampling steps, switches
    is_oracle: bool  # given the true blur kernel
    seeds: tuple[int, ...]
    costs: dict[str, float]  # by COST_COLUMNS; NaN where not measured
    scores: dict[str, float]
    deviations: dict[str, float]  # standard deviations over seeds; empty with one seed
    folder: Path  # runs/DATASET/MODEL in its results folder
    comparison_rows: tuple[ComparisonRow, ...]  # of comparison.csv, one per seed
    image_rows: tuple[ImageRow, ...]  # of per_image.csv, one per seed and test image
    really_blurred_rows: tuple[UnpairedRow, ...]  # of really_blurred.csv, one per seed and photograph without ground truth

    @property
    def results_folder(self) -> Path:
        """The results folder that holds `folder`."""
        return self.folder.parents[2]

    @property
    def first_seed_folder(self) -> Path:
        """The folder of the cell of its first seed."""
        return self.folder / f"seed-{self.seeds[0]}"

    @property
    def is_input(self) -> bool:
        """Whether this is the blurred input itself."""
        return self.model == BLURRED

    @property
    def is_trained(self) -> bool:
        """Whether its weights, or those of a component, were trained."""
        return self.costs["train_seconds"] > 0

    @property
    def is_ranked(self) -> bool:
        """Whether it can be the best: neither the input nor an oracle can."""
        return not (self.is_input or self.is_oracle)

    @property
    def is_registered(self) -> bool:
        """Whether it was scored on registered pairs."""
        return any(row.pairs == "registered" for row in self.comparison_rows)

    @property
    def data_hash(self) -> str:
        """The hash of the training data of its first seed."""
        return self.comparison_rows[0].data

    @property
    def image_names(self) -> list[str]:
        """The names of its test images, sorted."""
        return sorted({row.image for row in self.image_rows})

    @property
    def really_blurred_names(self) -> list[str]:
        """The names of the photographs without ground truth that it restored, sorted."""
        return sorted({row.image for row in self.really_blurred_rows})

    def first_score(self, image: str, metric: str) -> float:
        """Return the score of a test image for the first seed in the table."""
        return next(row for row in self.image_rows if row.image == image).scores[metric]

    def no_reference_scores(self, metric: str) -> list[float]:
        """Return the scores of the photographs without ground truth, one per seed and photograph."""
        return [row.scores[metric] for row in self.really_blurred_rows]


@dataclass(frozen=True)
class Results:
    """Everything that a report shows, of one results folder or several."""

    title: str
    folders: tuple[Path, ...]  # where it was read from
    questions: tuple[str, ...]
    recipe: Recipe
    results: tuple[Result, ...]
    failures: tuple[str, ...]
    problems: dict[str, list[str]]  # by data set: files that were left out
    notes: dict[str, list[str]]  # by data set: how its pairs were made
    remarks: tuple[str, ...]  # on trainings, sweeps and damaged votes
    experiments: dict[str, str]  # by results folder: the resolved YAML
    environments: dict[str, Any]
    votes: tuple[Vote, ...]  # of all folders
    shown: frozenset[str] | None = None  # test images whose pictures may be shown; None for all

    @property
    def primary_metric(self) -> str:
        """The metric by which models are ordered and the answer is given: PSNR."""
        return next(iter(self.recipe.metrics))

    @property
    def perceptual_metric(self) -> str | None:
        """The first of PERCEPTUAL that was scored."""
        return next((metric for metric in PERCEPTUAL if metric in self.recipe.metrics), None)

    def showing(self, images: Sequence[str]) -> Results:
        """These results with the pictures of `images` alone. Raises UsageError for unknown ones."""
        known = {name for result in self.results for name in (*result.image_names, *result.really_blurred_names)}
        for image in images:
            if image not in known:
                raise UsageError(f"--show: no test image is called '{image}'{suggestion(image, known)}")
        remark = f"pictures of {len(set(images))} of {len(known)} test images are shown, the only ones that may be; all count"
        return replace(self, shown=frozenset(images), remarks=(*self.remarks, remark))

    def metric(self, name: str) -> Metric:
        """Return the metric of the column `name`."""
        return self.recipe.metrics[name]

    @property
    def datasets(self) -> list[str]:
        """The names of the data sets whose blurred input was scored, in their order."""
        return [result.dataset for result in self.results if result.is_input]

    def label(self, dataset: str) -> str:
        """Return the name of a data set as the report shows it; registered pairs are marked, for they do not compare."""
        return f"{dataset} (registered pairs)" if self.input_of(dataset).is_registered else dataset

    def of(self, dataset: str) -> list[Result]:
        """Return the results on one data set, in the order in which they were read."""
        return [result for result in self.results if result.dataset == dataset]

    def input_of(self, dataset: str) -> Result:
        """Return the result of the blurred input of a data set."""
        return next(result for result in self.of(dataset) if result.is_input)
