"""The cells of the matrix: what each one is, where it lies, and what makes it the same cell."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from deblurbench.data.prepared import PreparedDataset
from deblurbench.errors import UsageError
from deblurbench.experiment.experiment import Experiment
from deblurbench.experiment.model_entries import CHECKPOINT, ModelEntry, in_order
from deblurbench.files import digest, file_hash, write_json
from deblurbench.records.checked import check_scored, read_record
from deblurbench.records.paths import BLURRED, LAST, RECORD, RESTORED, RUNS
from deblurbench.registry import MODELS, Spec
from deblurbench.training.settings import TrainingSettings

TRAINING_VERSION = 4  # raised whenever the same settings would train other weights
SCORING_VERSION = 3  # raised whenever the same weights would score differently


@dataclass(frozen=True)
class Cell:
    """One data set, model and seed. A variant is a cell that restores otherwise with the weights of cell `weights_of`.

    A candidate of a sweep is trained and validated, and not tested; the cell of the sweep itself restores with the best.
    """

    dataset: str
    model: str
    seed: int
    folder: Path
    spec: Spec
    settings: TrainingSettings | None  # none for what is not trained: classical models, and variants
    weights_of: Path | None  # the folder of the cell whose weights it uses
    training_identity: str
    scoring_identity: str
    sources: dict[str, Path] = field(default_factory=dict)  # checkpoints of the models within it, by their place
    start: Path | None = None  # the checkpoint that gives its first weights
    is_candidate: bool = False
    candidates: dict[str, list[Path]] = field(default_factory=dict)  # the folders of each, one a seed
    trainings: frozenset[Path] = frozenset()  # the folders of all trainings that its weights took
    metrics: tuple[str, ...] = ()  # by which it is scored

    @property
    def title(self) -> str:
        """What messages call it."""
        return f"{self.dataset} / {self.model} / seed {self.seed}"

    def record(self) -> dict[str, Any] | None:
        """What was last written of this cell, or None. Raises UsageError where it is damaged."""
        path = self.folder / RECORD
        if not path.is_file():
            return None
        value: dict[str, Any] = read_record(path)
        return value

    def write_record(self, status: str, **facts: Any) -> None:
        """Write that the cell is now "running", "done" or "failed", with its identity and `facts`."""
        write_json(
            self.folder / RECORD,
            {
                "status": status,
                "dataset": self.dataset,
                "model": self.model,
                "seed": self.seed,
                "spec": self.spec,
                "training_identity": self.training_identity,
                "scoring_identity": self.scoring_identity,
                **facts,
            },
        )

    def finished(self) -> dict[str, Any] | None:
        """What was written of it when it was finished with this very identity; None where it was not.

        Raises UsageError where that is damaged.
        """
        record = self.record()
        wanted = ("done", self.training_identity, self.scoring_identity)
        if record is None or (record["status"], record["training_identity"], record["scoring_identity"]) != wanted:
            return None
        if not self.is_candidate:
            check_scored(record, self.metrics, self.folder / RECORD)
        return record


def list_cells(experiment: Experiment, datasets: dict[str, PreparedDataset], out: Path) -> list[Cell]:
    """Every cell of `experiment` under `out`, each before its variants; first of each data set the untouched input."""
    cells: list[Cell] = []
    untouched = ModelEntry(MODELS.resolve("identity"), next(iter(experiment.models.values())).training, is_trained=False)
    for dataset in experiment.datasets:
        data = _data_identity(experiment.datasets[dataset], datasets[dataset])
        lister = _Lister(experiment, dataset, out / RUNS / dataset, data)
        lister.add(BLURRED, untouched, experiment.seeds[:1])
        for model in in_order(experiment.models):
            lister.add(model, experiment.models[model], experiment.seeds)
        cells += lister.cells
    return cells


class _Lister:
    """Lists the cells of one data set; a model that refers to another comes after it."""

    def __init__(self, experiment: Experiment, dataset: str, folder: Path, data: Any) -> None:
        self._recipe, self._dataset, self._folder, self._data = experiment.recipe, dataset, folder, data
        self.cells: list[Cell] = []

    def add(self, model: str, entry: ModelEntry, seeds: list[int]) -> None:
        """Add the cells of a model: one a seed, each before its variants, and all candidates of a sweep before them."""
        for label, candidate in entry.candidates.items():
            for seed in seeds:
                self.cells.append(replace(self._cell(label, candidate, seed), is_candidate=True))
        for seed in seeds:
            if entry.candidates:
                self.cells.append(self._best(model, entry, seed, seeds))
                continue
            cell = self._cell(model, entry, seed)
            self.cells.append(cell)
            for label, spec in entry.variants.items():
                scoring = self._scoring(cell.training_identity, spec)
                variant = replace(cell, model=label, folder=self._place(label, seed), spec=spec, scoring_identity=scoring)
                self.cells.append(replace(variant, settings=None, sources={}, start=None))

    def _cell(self, model: str, entry: ModelEntry, seed: int) -> Cell:
        settings = entry.training if entry.is_trained else None
        needed = [self._identity(source, seed) for source in (*entry.sources.values(), entry.start) if source]
        training = digest([TRAINING_VERSION, self._data, entry.spec, asdict(settings) if settings else None, seed, needed])
        return Cell(
            self._dataset, model, seed, self._place(model, seed), entry.spec, settings,
            weights_of=self._place(model, seed) if settings or entry.sources else None,
            training_identity=training,
            scoring_identity=self._scoring(training, entry.spec),
            sources={place: self._checkpoint(source, seed) for place, source in entry.sources.items()},
            start=self._checkpoint(entry.start, seed) if entry.start else None,
            trainings=frozenset[Path]().union(
                [self._place(model, seed)] if settings else [],
                *(self._trainings(source, seed) for source in (*entry.sources.values(), entry.start) if source),
            ),
            metrics=tuple(self._recipe.metrics),
        )  # fmt: skip

    def _best(self, model: str, entry: ModelEntry, seed: int, seeds: list[int]) -> Cell:
        """The cell of a sweep: what it restores with is known once its candidates are trained."""
        training = digest([self._find(label, each).training_identity for label in entry.candidates for each in seeds])
        return Cell(
            self._dataset, model, seed, self._place(model, seed), entry.spec, None, None, training,
            self._scoring(training, entry.spec),
            candidates={label: [self._place(label, each) for each in seeds] for label in entry.candidates},
            trainings=frozenset[Path]().union(*(self._find(label, seed).trainings for label in entry.candidates)),
            metrics=tuple(self._recipe.metrics),
        )  # fmt: skip

    def _scoring(self, training: str, spec: Spec) -> str:
        return digest([SCORING_VERSION, training, spec, self._recipe.identity])

    def _place(self, model: str, seed: int) -> Path:
        return self._folder / model / f"seed-{seed}"

    def _find(self, label: str, seed: int) -> Cell:
        return next(cell for cell in self.cells if (cell.model, cell.seed) == (label, seed))

    def _checkpoint(self, source: str, seed: int) -> Path:
        if source.endswith(CHECKPOINT):
            return Path(source)
        weights_of = self._find(source, seed).weights_of
        return (weights_of or self._place(source, seed)) / LAST

    def _trainings(self, source: str, seed: int) -> frozenset[Path]:
        return frozenset([Path(source).parent]) if source.endswith(CHECKPOINT) else self._find(source, seed).trainings

    def _identity(self, source: str, seed: int) -> str:
        """What can change about a source: how it was trained and restores, or what the file holds."""
        if source.endswith(CHECKPOINT):
            return file_hash(Path(source), "blake2b")
        return self._find(source, seed).training_identity


def _data_identity(spec: Spec, images: PreparedDataset) -> Any:
    """What can change a result about a data set. Where its files lie cannot: the fingerprint holds their contents."""
    return [{key: value for key, value in spec.items() if key not in ("layout", "strict")}, images.fingerprint]


def refuse_changed(cells: list[Cell]) -> None:
    """Raise UsageError where a folder holds a cell of another identity: results are never mixed, nor silently replaced."""
    changed = [cell for cell in cells if _was_trained_otherwise(cell) or _was_scored_otherwise(cell)]
    if changed:
        how = "trained with other settings or data" if _was_trained_otherwise(changed[0]) else "scored in another way"
        more = f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""
        raise UsageError(
            f"{changed[0].folder}: was {how}{more}; run with --restart to move it aside and do it anew, or give another --out"
        )


def move_changed_aside(cells: list[Cell]) -> list[Path]:
    """Rename folders of another training; of cells only scored otherwise, or whose record is damaged, the scores.

    Returns where they went.
    """
    moved: list[Path] = []
    for cell in cells:
        if is_damaged(cell):
            moved += move_scores_aside(cell)
        elif _was_trained_otherwise(cell):
            moved.append(move_aside(cell.folder))
        elif _was_scored_otherwise(cell):
            moved += move_scores_aside(cell)
    return moved


def move_scores_aside(cell: Cell) -> list[Path]:
    """Rename what scoring has left of `cell`, which will then be scored again. Returns where it went."""
    return [move_aside(path) for path in (cell.folder / RECORD, cell.folder / RESTORED) if path.exists()]


def move_aside(path: Path) -> Path:
    """Rename `path` to a name that is free, and return that."""
    number = 1
    while (aside := path.with_name(f"{path.name}.old-{number}")).exists():
        number += 1
    return path.rename(aside)


def is_damaged(cell: Cell) -> bool:
    """Whether what was written of `cell` cannot be made out."""
    try:
        cell.finished()
    except UsageError:
        return True
    return False


def _was_trained_otherwise(cell: Cell) -> bool:
    record = cell.record()
    return record is not None and record["training_identity"] != cell.training_identity


def _was_scored_otherwise(cell: Cell) -> bool:
    record = cell.record()
    return record is not None and record["status"] == "done" and record["scoring_identity"] != cell.scoring_identity
