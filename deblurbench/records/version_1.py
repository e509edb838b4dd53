"""Records of the first version, which had no format number: a report still reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from deblurbench.records.validation import FolderName, check_record


class CellOfVersion1(TypedDict):
    """`cell.json`, of which only the state, the error and a sweep's choice are still of use: scores stand in the tables."""

    status: Literal["running", "done", "failed"]
    dataset: NotRequired[str]
    model: NotRequired[str]
    seed: NotRequired[int]
    training_identity: str
    scoring_identity: str
    error: NotRequired[str]
    chosen: NotRequired[FolderName]
    settings: NotRequired[dict[str, Any]]
    validation_psnr: NotRequired[Any]  # of a sweep one a candidate, of a candidate its own


def from_version_1(value: Any, path: Path, remedy: str) -> dict[str, Any]:
    """The arguments of today's record for `value`, read from `path`. Raises UsageError, with `remedy`, where it is damaged."""
    old = check_record(value, CellOfVersion1, path, remedy)
    chosen = old.get("chosen")
    return {
        **{key: old[key] for key in ("status", "training_identity", "scoring_identity")},
        "dataset": old.get("dataset", ""),
        "model": old.get("model", ""),
        "seed": old.get("seed", 0),
        "spec": {},
        "training": {},
        "scoring": {},
        "error": old.get("error"),
        "choice": chosen
        and {"best": chosen, "settings": old.get("settings", {}), "validation_psnr": old.get("validation_psnr", {})},
        "format": 1,
    }
