"""`cell.json`: the last known state of a cell, and the result of scoring it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from deblurbench.errors import UsageError
from deblurbench.files import read_json
from deblurbench.records.paths import RECORD, RUNS
from deblurbench.records.scores import ImageScores, UnpairedScores
from deblurbench.records.validation import FolderName, Score, check_record, read_json_record, write_json_record
from deblurbench.records.version_1 import from_version_1

FORMAT = 2  # of `cell.json`; files of before there were formats are 1
REMEDY = "run the experiment again with --restart, which scores that cell anew and trains nothing"
SEED = "seed-"
Status = Literal["running", "done", "failed"]


class CellName(NamedTuple):
    """A data set, a model and a seed."""

    dataset: str
    model: str
    seed: int

    def folder(self, results: Path) -> Path:
        """Where the cell lies in the folder `results`."""
        return results / RUNS / str(self)

    @classmethod
    def parse(cls, text: str) -> CellName:
        """The name written as DATASET/MODEL/seed-N. Raises UsageError for anything else."""
        dataset, _, rest = text.strip("/").partition("/")
        model, _, seed = rest.partition(f"/{SEED}")
        if not (dataset and model and "/" not in model and seed.removeprefix("-").isdecimal()):
            raise UsageError(f"{text}: is not the name of a cell; give DATASET/MODEL/seed-N")
        return cls(dataset, model, int(seed))

    def __str__(self) -> str:
        """DATASET/MODEL/seed-N, as `deblurbench cell` takes it."""
        return f"{self.dataset}/{self.model}/{SEED}{self.seed}"

    @property
    def title(self) -> str:
        """The name in messages and reports."""
        return f"{self.dataset} / {self.model} / seed {self.seed}"


@dataclass(frozen=True)
class SweepChoice:
    """The candidate of a sweep that is best by validation, and of each the settings and the validation PSNR."""

    best: FolderName
    settings: dict[str, dict[str, Any]]
    validation_psnr: dict[str, Score]

    def __post_init__(self) -> None:
        if unknown := sorted({self.best, *self.validation_psnr} - self.settings.keys()):
            raise ValueError(f"settings: lack those of {unknown[0]!r}")


@dataclass(frozen=True)
class CellScores:
    """The result of scoring a cell: how it restores, on which data, with which weights, and the scores of every image."""

    family: str
    network: str
    inference: str
    oracle: bool
    pairs: str
    data: str
    weights: str  # SHA-256 of the file of weights; empty where there are none
    environment: dict[str, Any]
    images: tuple[ImageScores, ...]
    unpaired: tuple[UnpairedScores, ...] = ()  # of photographs without a sharp counterpart


@dataclass(frozen=True)
class CellRecord:
    """The last known state of a cell. `training` and `scoring` are the facts whose hashes are its identities."""

    status: Status
    dataset: str
    model: str
    seed: int
    spec: dict[str, Any]  # of the model; of a sweep that of the best candidate
    training: dict[str, Any]
    scoring: dict[str, Any]
    training_identity: str
    scoring_identity: str
    error: str | None = None
    validation_psnr: Score | None = None  # of a candidate of a sweep
    choice: SweepChoice | None = None  # of a sweep
    scores: CellScores | None = None
    format: int = field(default=FORMAT)


def read_cell(folder: Path) -> CellRecord | None:
    """The record of the cell in `folder`; None where there is none. Raises UsageError where it is damaged or newer."""
    path = folder / RECORD
    if not path.is_file():
        return None
    version = _format_of(path)
    if version > FORMAT:
        raise UsageError(f"{path}: was written by a newer deblurbench (format {version}); upgrade deblurbench")
    if version == FORMAT:
        return read_json_record(path, CellRecord, REMEDY)
    old = from_version_1(read_json(path), path, REMEDY)
    return CellRecord(**{**old, "choice": old["choice"] and check_choice(old["choice"], path)})


def write_cell(folder: Path, record: CellRecord) -> None:
    """Write `record` into the `folder` of its cell."""
    write_json_record(folder / RECORD, record)


def require_scores(record: CellRecord, metrics: tuple[str, ...], unpaired_metrics: tuple[str, ...], path: Path) -> CellScores:
    """The scores of `record`, read from `path`. Raises UsageError where they lack one of the metrics."""
    if record.scores is None:
        raise UsageError(f"{path}: scores: Field required; {REMEDY}")
    images, unpaired = ([row.scores for row in rows] for rows in (record.scores.images, record.scores.unpaired))
    for key, rows, names in (("images", images, metrics), ("unpaired", unpaired, unpaired_metrics)):
        for place, row in enumerate(rows):
            if lacking := sorted(set(names) - row.keys()):
                raise UsageError(f"{path}: scores.{key}.{place}.scores: lack {lacking[0]!r}; {REMEDY}")
    return record.scores


def check_choice(value: dict[str, Any], path: Path) -> SweepChoice:
    """The choice of a sweep in `value`. Raises UsageError where it makes no sense."""
    kinds = {"best": FolderName, "settings": dict[str, dict[str, Any]], "validation_psnr": dict[str, Score]}
    for key, kind in kinds.items():
        check_record(value[key], kind, path, REMEDY)
    try:
        return SweepChoice(**value)
    except ValueError as error:
        raise UsageError(f"{path}: {error}; {REMEDY}") from error


def _format_of(path: Path) -> int:
    """The number of the format of `path`. Raises UsageError where it is no JSON object."""
    try:
        value = read_json(path)
    except ValueError as error:
        raise UsageError(f"{path}: is no JSON ({' '.join(str(error).split())}); {REMEDY}") from error
    version = value.get("format", 1) if isinstance(value, dict) else FORMAT
    return version if isinstance(version, int) else FORMAT
