"""What the JSON files of a results folder hold, checked where they are read: somebody may have damaged them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired

from annotated_types import Interval, MinLen
from pydantic import AfterValidator, StringConstraints, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from deblurbench.errors import UsageError
from deblurbench.files import read_json
from deblurbench.registry import NO_REFERENCE

LARGEST, WIDEST = 1e30, 1e6  # of any number, and of a blur in pixels; beyond them figures have no ticks
LONGEST_NAME = 200  # bytes at most of what is part of the name of a file
FOLDER_NAME = r"^[^/\\\x00]*[^/\\\x00.][^/\\\x00]*$"  # whatever people call it, it leads to no other place
REWRITTEN = "run the experiment again, which writes it anew"
WITHOUT_RECORD = "run the experiment again with --restart, which scores that cell anew and trains nothing"
WITHOUT_TIMES = "remove it and run the experiment again, which measures anew"
WITHOUT_HISTORY = "put a whole copy in its place, or run the experiment again with --restart, which makes it anew"


def known(number: float) -> float:
    """`number`, as a score: that of identical images may be infinite. Raises ValueError for what is none."""
    if math.isnan(number) or LARGEST < abs(number) < math.inf:
        raise ValueError(f"{number} is no score")
    return number


Score = Annotated[float, AfterValidator(known)]
Amount = Annotated[float, Interval(ge=0, le=LARGEST)]
Spread = Annotated[float, Interval(ge=0, le=WIDEST)]
Count = Annotated[int, Interval(ge=0, le=10**18)]
Step = Annotated[int, Interval(ge=0, le=10**12)]
FolderName = Annotated[str, StringConstraints(pattern=FOLDER_NAME, max_length=LONGEST_NAME)]


class Losses(TypedDict):
    """A row of a training's log."""

    step: Step
    losses: dict[str, Score]


class Validated(TypedDict):
    """A validation."""

    step: Step
    psnr: Score


class History(TypedDict):
    """`history.json` of a cell that was trained."""

    training: list[Losses]
    validation: list[Validated]
    seconds: Amount


class Record(TypedDict):
    """`cell.json`, whatever became of the cell."""

    status: Literal["running", "done", "failed"]
    training_identity: str
    scoring_identity: str
    error: NotRequired[str]
    chosen: NotRequired[FolderName]  # of a sweep: the best candidate


class Chosen(TypedDict):
    """What `cell.json` says of a sweep besides: the settings and the validation PSNR of every candidate by name."""

    chosen: FolderName
    settings: dict[str, dict[str, Any]]
    validation_psnr: dict[str, Score]


class Tested(TypedDict):
    """The scores of a test image, with a number for each metric."""

    image: str
    scene: str
    blur: str
    spread: Spread | Literal[""]


class Shown(TypedDict):
    """The scores of a photograph without truth."""

    image: str


class Scored(Record):
    """`cell.json` of a cell that was scored."""

    family: str
    network: str
    inference: str
    oracle: bool
    pairs: str
    params: Count
    evaluations: Count
    macs: Count
    train_seconds: Amount
    data: str
    weights: str
    environment: dict[str, Any]
    scores: list[Tested]
    shown: list[Shown]


class Timed(TypedDict):
    """What restoring takes a cell, and what was timed."""

    scoring_identity: str
    weights: str
    ms_per_megapixel: Amount
    ms_per_megapixel_spread: Amount


class Times(TypedDict):
    """`times.json` of a data set."""

    cells: dict[str, Timed]


class StoredModel(TypedDict):
    """What a report needs to know of a model of the resolved experiment."""

    variants: dict[FolderName, Any]
    training: dict[str, Any]


class StoredExperiment(TypedDict):
    """`experiment.yaml`."""

    question: str
    datasets: dict[FolderName, Any]
    models: dict[FolderName, StoredModel]
    training: dict[str, Any]
    seeds: Annotated[list[int], MinLen(1)]
    recipe: str
    metrics: NotRequired[list[Any]]


def read_checked(path: Path, kind: Any, remedy: str) -> Any:
    """The JSON value in `path`, which is of `kind`. Raises UsageError, with `remedy`, that names the key or line."""
    try:
        value = read_json(path)
    except ValueError as error:
        raise UsageError(f"{path}: is no JSON ({' '.join(str(error).split())}); {remedy}") from error
    return checked(value, kind, path, remedy)


def checked(value: Any, kind: Any, path: Path, remedy: str) -> Any:
    """`value`, out of the file `path`, as it is. Raises UsageError as `read_checked` does."""
    try:
        _adapter(kind).validate_python(value, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(f"{path}: {f'{where}: ' if where else ''}{first['msg']}; {remedy}") from error
    return value


def read_record(path: Path, kind: Any = Record) -> Any:
    """What `cell.json` says of a cell, checked."""
    return read_checked(path, kind, WITHOUT_RECORD)


def read_choice(path: Path) -> Any:
    """What `cell.json` says of a sweep that has chosen, checked; nothing where it has not."""
    record = read_record(path) if path.is_file() else {}
    if "chosen" not in record:
        return {}
    checked(record, Chosen, path, WITHOUT_RECORD)
    if unknown := sorted({record["chosen"], *record["validation_psnr"]} - record["settings"].keys()):
        raise UsageError(f"{path}: settings: lack those of {unknown[0]!r}; {WITHOUT_RECORD}")
    return record


def check_scored(record: dict[str, Any], metrics: Sequence[str], path: Path) -> None:
    """Raise UsageError where `record`, out of `path`, is not that of a cell scored by `metrics`."""
    checked(record, Scored, path, WITHOUT_RECORD)
    for rows, names in (("scores", metrics), ("shown", NO_REFERENCE.names())):
        for place, row in enumerate(record[rows]):
            numbers = {f"{rows}.{place}.{name}": row.get(name) for name in names}
            checked(numbers, dict[str, Score], path, WITHOUT_RECORD)


def read_history(path: Path) -> Any:
    """What `history.json` says of a training, checked."""
    history = read_checked(path, History, WITHOUT_HISTORY)
    rows = history["training"]
    for place, row in enumerate(rows):
        if lacking := sorted(rows[0]["losses"].keys() - row["losses"].keys()):
            raise UsageError(f"{path}: training.{place}.losses: lack {lacking[0]!r}; {WITHOUT_HISTORY}")
    return history


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
