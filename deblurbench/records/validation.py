"""Reading records: whatever a file holds is checked where it is read, for somebody may have damaged it."""

from __future__ import annotations

import math
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeVar

from annotated_types import Interval
from pydantic import AfterValidator, BeforeValidator, StringConstraints, TypeAdapter, ValidationError

from deblurbench.errors import UsageError
from deblurbench.files import write_json

LARGEST, WIDEST = 1e30, 1e6  # of any number, and of a blur in pixels; beyond them figures have no ticks
LONGEST_NAME = 200  # bytes at most of what is part of the name of a file
FOLDER_NAME = r"^[^/\\\x00]*[^/\\\x00.][^/\\\x00]*$"  # whatever people call it, it leads to no other place
REWRITTEN = "run the experiment again, which writes it anew"
Anything = TypeVar("Anything")


def _as_score(number: float) -> float:
    """`number`, which may be infinite: the PSNR of identical images is. Raises ValueError where it is no score."""
    if math.isnan(number) or LARGEST < abs(number) < math.inf:
        raise ValueError("is no score")
    return number


def _as_image_name(name: str) -> str:
    if not 0 < len(name.encode()) <= LONGEST_NAME or "/" in name or "\0" in name:
        raise ValueError("is no name of an image")
    return name


def _require_digits(value: object) -> object:
    if isinstance(value, str) and not (len(value) < 25 and value.removeprefix("-").isdecimal() and str(int(value)) == value):
        raise ValueError("is no whole number")
    return value


Score = Annotated[float, AfterValidator(_as_score)]
Amount = Annotated[float, Interval(ge=0, le=LARGEST)]
Spread = Annotated[float, Interval(ge=0, le=WIDEST)]  # of a blur kernel, in pixels
Count = Annotated[int, Interval(ge=0, le=10**18)]
Step = Annotated[int, Interval(ge=0, le=10**12)]
WholeNumber = Annotated[int, BeforeValidator(_require_digits)]  # as text without leading zeros
FolderName = Annotated[str, StringConstraints(pattern=FOLDER_NAME, max_length=LONGEST_NAME)]
ImageName = Annotated[str, AfterValidator(_as_image_name)]


def read_json_record(path: Path, kind: type[Anything], remedy: str) -> Anything:
    """The value of type `kind` in the JSON file `path`. Raises UsageError, with `remedy`, that names the key."""
    try:
        record: Anything = adapter_of(kind).validate_json(path.read_bytes(), strict=True)
    except ValidationError as error:
        raise UsageError(f"{path}: {described(error)}; {remedy}") from error
    return record


def check_record(value: Any, kind: Any, path: Path, remedy: str) -> Any:
    """`value`, read from the file `path`, with all its keys, where it is of `kind`. Raises UsageError otherwise."""
    try:
        adapter_of(kind).validate_python(value, strict=True)
    except ValidationError as error:
        raise UsageError(f"{path}: {described(error)}; {remedy}") from error
    return value


def write_json_record(path: Path, record: Any) -> None:
    """Write the dataclass `record` as JSON, whole or not at all."""
    write_json(path, asdict(record))


def described(error: ValidationError) -> str:
    """The first thing that `error` found, and the key where it is."""
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "json_invalid":
        message = f"is no JSON ({message.removeprefix('Invalid JSON: ')})"
    if not where or message.startswith("is "):
        return f"{where} {message}".strip()
    return f"{where}: {message}"


def adapter_of(kind: Any) -> TypeAdapter[Any]:
    """The validator of the type `kind`, made once."""
    return _adapter(kind)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
