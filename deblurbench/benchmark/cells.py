"""The cells of the matrix: what each one is, where it lies, and what makes it the same cell."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deblurbench.data.dataset import PairedImages
from deblurbench.errors import UsageError
from deblurbench.experiment import Experiment, ModelEntry
from deblurbench.files import digest, read_json, write_json
from deblurbench.models.base import family
from deblurbench.registry import MODELS, Spec
from deblurbench.results_folder import BLURRED, RECORD, RESTORED, RUNS
from deblurbench.training.settings import TrainingSettings

TRAINING_VERSION = 2  # raised whenever the same settings would train other weights
SCORING_VERSION = 1  # raised whenever the same weights would score differently


@dataclass(frozen=True)
class Cell:
    """One data set, model and seed. A variant is a cell that restores otherwise with the weights of cell `weights_of`."""

    dataset: str
    model: str
    seed: int
    folder: Path
    spec: Spec
    settings: TrainingSettings | None  # none for what is not trained: classical models, and variants
    weights_of: Path | None  # the folder of the cell whose weights it uses
    training_identity: str
    scoring_identity: str

    @property
    def title(self) -> str:
        """What messages call it."""
        return f"{self.dataset} / {self.model} / seed {self.seed}"

    def record(self) -> dict[str, Any] | None:
        """What was last written of this cell, or None."""
        path = self.folder / RECORD
        if not path.is_file():
            return None
        value: dict[str, Any] = read_json(path)
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
        """What was written of it when it was finished with this very identity; None where it was not."""
        record = self.record()
        wanted = ("done", self.training_identity, self.scoring_identity)
        if record is None or (record["status"], record["training_identity"], record["scoring_identity"]) != wanted:
            return None
        return record


def list_cells(experiment: Experiment, datasets: dict[str, PairedImages], out: Path) -> list[Cell]:
    """Every cell of `experiment` under `out`, each before its variants; first of each data set the untouched input."""
    cells: list[Cell] = []
    identity = ModelEntry(MODELS.resolve("identity"), next(iter(experiment.models.values())).training, {})
    for dataset in experiment.datasets:
        data = _data_identity(experiment.datasets[dataset], datasets[dataset])
        for model, entry in {BLURRED: identity, **experiment.models}.items():
            for seed in experiment.seeds if model != BLURRED else experiment.seeds[:1]:
                cells += _cells_of_model(experiment, out / RUNS / dataset, dataset, model, entry, seed, data)
    return cells


def _cells_of_model(
    experiment: Experiment, folder: Path, dataset: str, model: str, entry: ModelEntry, seed: int, data: Any
) -> list[Cell]:
    is_trained = bool(family(entry.spec["name"]).restoring_modules)
    settings = entry.training if is_trained else None
    training = digest([TRAINING_VERSION, data, entry.spec, asdict(settings) if settings else None, seed])
    own_folder = folder / model / f"seed-{seed}"

    def cell(name: str, spec: Spec, settings: TrainingSettings | None, weights_of: Path | None) -> Cell:
        scoring = digest([SCORING_VERSION, training, spec, experiment.recipe])
        return Cell(dataset, name, seed, folder / name / f"seed-{seed}", spec, settings, weights_of, training, scoring)

    return [
        cell(model, entry.spec, settings, own_folder if is_trained else None),
        *(cell(label, spec, None, own_folder) for label, spec in entry.variants.items()),
    ]


def _data_identity(spec: Spec, images: PairedImages) -> Any:
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
    """Rename folders of another training; of cells only scored otherwise, the scores. Returns where they went."""
    moved: list[Path] = []
    for cell in cells:
        if _was_trained_otherwise(cell):
            moved.append(_move_aside(cell.folder))
        elif _was_scored_otherwise(cell):
            moved += [_move_aside(path) for path in (cell.folder / RECORD, cell.folder / RESTORED) if path.exists()]
    return moved


def _move_aside(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.old-{number}")).exists():
        number += 1
    return path.rename(aside)


def _was_trained_otherwise(cell: Cell) -> bool:
    record = cell.record()
    return record is not None and record["training_identity"] != cell.training_identity


def _was_scored_otherwise(cell: Cell) -> bool:
    record = cell.record()
    return record is not None and record["status"] == "done" and record["scoring_identity"] != cell.scoring_identity
