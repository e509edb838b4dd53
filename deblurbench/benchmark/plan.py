"""The plan of an experiment: which cells there are, which of them each needs, and what makes each the same cell."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from deblurbench.data.prepared import PreparedDataset
from deblurbench.experiment.experiment import Experiment
from deblurbench.experiment.model_entries import ModelEntry, topological_order
from deblurbench.experiment.references import is_checkpoint
from deblurbench.files import digest, file_hash
from deblurbench.records.cells import CellName
from deblurbench.records.paths import BLURRED, LAST
from deblurbench.records.plan import Plan, PlannedIdentity
from deblurbench.registry import MODELS, Spec
from deblurbench.training.settings import TrainingSettings

TRAINING_VERSION = 5  # raised whenever the same settings would train other weights, or their facts are told otherwise
SCORING_VERSION = 4  # raised whenever the same weights would score differently
Facts = dict[str, Any]  # JSON values: everything that can change the result of a step


@dataclass(frozen=True)
class Cell:
    """A data set, a model and a seed: one unit of work, whose two steps are training and scoring.

    A variant is a cell that restores otherwise with the weights of cell `weights_of`. A candidate of a sweep is trained
    and validated, and not tested; the cell of the sweep itself restores with the best.
    """

    name: CellName
    folder: Path
    spec: Spec
    training_facts: Facts
    scoring_facts: Facts
    settings: TrainingSettings | None = None  # none for models that are not trained here, and for variants
    weights_of: Path | None = None  # the folder of the cell whose weights it uses
    weight_files: tuple[Path, ...] = ()  # that the model brings itself
    sources: dict[str, Path] = field(default_factory=dict)  # checkpoints of the restorers within it, by their place
    start: Path | None = None  # the checkpoint that gives its first weights
    is_candidate: bool = False
    candidates: dict[str, list[Path]] = field(default_factory=dict)  # of a sweep: the folders of each, one a seed
    candidate_settings: dict[str, dict[str, Any]] = field(default_factory=dict)  # the changes that make each
    trainings: frozenset[Path] = frozenset()  # the folders of all trainings that its weights took
    needs: tuple[CellName, ...] = ()  # the cells that must be done before it
    metrics: tuple[str, ...] = ()  # by which it is scored

    @property
    def title(self) -> str:
        """The name in messages."""
        return self.name.title

    @cached_property
    def training_identity(self) -> str:
        """The hash of everything that can change its weights."""
        return digest(self.training_facts)

    @cached_property
    def scoring_identity(self) -> str:
        """The hash of everything that can change its scores."""
        return digest(self.scoring_facts)


def plan_cells(experiment: Experiment, datasets: dict[str, PreparedDataset], out: Path) -> list[Cell]:
    """The cells of `experiment` on `datasets`, some or all of its own, under `out`.

    Each comes after those that it needs; first of each data set is the unprocessed input.
    """
    cells: list[Cell] = []
    unprocessed = ModelEntry(MODELS.resolve("identity"), next(iter(experiment.models.values())).training)
    for name, images in datasets.items():
        planner = _Planner(experiment, name, out, data_facts(experiment.datasets[name], images))
        planner.add(BLURRED, unprocessed, experiment.seeds[:1])
        for model in topological_order(experiment.models):
            planner.add(model, experiment.models[model], experiment.seeds)
        cells += planner.cells.values()
    return cells


def as_record(cells: list[Cell]) -> Plan:
    """The plan as it is written down."""
    return Plan(
        tuple(
            PlannedIdentity(str(cell.name), cell.training_identity, cell.scoring_identity, tuple(map(str, cell.needs)))
            for cell in cells
        )
    )


def data_facts(spec: Spec, images: PreparedDataset) -> Facts:
    """Everything about a data set that can change a result: its files by their content, wherever they lie, and its blur."""
    return {**{key: value for key, value in spec.items() if key not in ("layout", "strict")}, "files": images.fingerprint}


class _Planner:
    """Plans the cells of one data set; a model that refers to another comes after it."""

    def __init__(self, experiment: Experiment, dataset: str, out: Path, data: Facts) -> None:
        self._experiment, self._dataset, self._out, self._data = experiment, dataset, out, data
        self.cells: dict[CellName, Cell] = {}

    def add(self, model: str, entry: ModelEntry, seeds: list[int]) -> None:
        """Add the cells of a model: one a seed, each before its variants, and all candidates of a sweep before them."""
        for label, candidate in entry.candidates.items():
            for seed in seeds:
                self._add(self._cell(label, candidate, seed, is_candidate=True))
        for seed in seeds:
            if entry.candidates:
                self._add(self._sweep(model, entry, seed, seeds))
                continue
            cell = self._cell(model, entry, seed)
            self._add(cell)
            for label, spec in entry.variants.items():
                self._add(self._variant(cell, label, spec, entry.portable(spec)))

    def _add(self, cell: Cell) -> None:
        self.cells[cell.name] = cell

    def _cell(self, model: str, entry: ModelEntry, seed: int, *, is_candidate: bool = False) -> Cell:
        name = self._name(model, seed)
        folder = name.folder(self._out)
        sources = [source for source in (*entry.sources.values(), entry.start) if source]
        facts = {
            "version": TRAINING_VERSION,
            "data": self._data,
            "model": entry.portable(entry.spec),
            "training": _plain(entry.training) if entry.is_trained else None,
            "seed": seed,
            "weights": [self._source_identity(source, seed) for source in sources],
        }
        return Cell(
            name, folder, entry.spec, facts, self._scoring(facts, entry.portable(entry.spec)),
            settings=entry.training if entry.is_trained else None,
            weights_of=folder if entry.is_trained or entry.sources else None,
            weight_files=tuple(entry.weight_files),
            sources={place: self._checkpoint(source, seed) for place, source in entry.sources.items()},
            start=self._checkpoint(entry.start, seed) if entry.start else None,
            is_candidate=is_candidate,
            trainings=frozenset[Path]().union(
                [folder] if entry.is_trained else [], *(self._trainings(source, seed) for source in sources)
            ),
            needs=tuple(dict.fromkeys(self._owner(source, seed) for source in sources if not is_checkpoint(source))),
            metrics=tuple(self._experiment.recipe.metrics),
        )  # fmt: skip

    def _variant(self, cell: Cell, label: str, spec: Spec, portable: Spec) -> Cell:
        """The cell that restores with the weights of `cell` as `spec` says."""
        name = self._name(label, cell.name.seed)
        return Cell(
            name, name.folder(self._out), spec, cell.training_facts, self._scoring(cell.training_facts, portable),
            weights_of=cell.weights_of,
            weight_files=cell.weight_files,
            trainings=cell.trainings,
            needs=(cell.name,) if cell.weights_of else (),
            metrics=cell.metrics,
        )  # fmt: skip

    def _sweep(self, model: str, entry: ModelEntry, seed: int, seeds: list[int]) -> Cell:
        """The cell of a sweep: which weights it restores with is known once its candidates are trained."""
        name = self._name(model, seed)
        candidates = {label: [self.cells[self._name(label, each)] for each in seeds] for label in entry.candidates}
        cells = [cell for group in candidates.values() for cell in group]
        facts = {"version": TRAINING_VERSION, "candidates": [cell.training_identity for cell in cells]}
        return Cell(
            name, name.folder(self._out), entry.spec, facts, self._scoring(facts, entry.spec),
            candidates={label: [cell.folder for cell in group] for label, group in candidates.items()},
            candidate_settings=dict(zip(entry.sweep.labels, entry.sweep.changes, strict=True)) if entry.sweep else {},
            trainings=frozenset[Path]().union(*(cell.trainings for cell in cells if cell.name.seed == seed)),
            needs=tuple(cell.name for cell in cells),
            metrics=tuple(self._experiment.recipe.metrics),
        )  # fmt: skip

    def _scoring(self, training: Facts, spec: Spec) -> Facts:
        return {
            "version": SCORING_VERSION,
            "weights": digest(training),
            "model": spec,
            "recipe": self._experiment.recipe.identity,
        }

    def _name(self, model: str, seed: int) -> CellName:
        return CellName(self._dataset, model, seed)

    def _owner(self, source: str, seed: int) -> CellName:
        """The cell that writes the weights of the model `source`, which may be a variant."""
        cell = self.cells[self._name(source, seed)]
        return cell.name if cell.weights_of in (None, cell.folder) else cell.needs[0]

    def _checkpoint(self, source: str, seed: int) -> Path:
        if is_checkpoint(source):
            return Path(source)
        cell = self.cells[self._name(source, seed)]
        return (cell.weights_of or cell.folder) / LAST

    def _trainings(self, source: str, seed: int) -> frozenset[Path]:
        return frozenset([Path(source).parent]) if is_checkpoint(source) else self.cells[self._name(source, seed)].trainings

    def _source_identity(self, source: str, seed: int) -> str:
        """The hash of whatever can change a source: how it was trained and restores, or the file that holds it."""
        if is_checkpoint(source):
            return file_hash(Path(source), "blake2b")
        return self.cells[self._name(source, seed)].training_identity


def _plain(settings: TrainingSettings) -> Facts:
    """The settings as JSON would give them back."""
    facts: Facts = json.loads(json.dumps(asdict(settings)))
    return facts
