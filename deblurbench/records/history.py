"""`history.json`: what a training has logged, from which reports draw curves."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deblurbench.errors import UsageError
from deblurbench.records.validation import Amount, Score, Step, read_json_record, write_json_record

REMEDY = "put a whole copy in its place, or run the experiment again with --restart, which makes it anew"


@dataclass(frozen=True)
class TrainingRow:
    """Means over one log interval, by the name of a loss (GROUP/LOSS) or of a parameter group."""

    step: Step
    losses: dict[str, Score]
    observed: dict[str, float] = field(default_factory=dict)
    gradient_norm: dict[str, float] = field(default_factory=dict)
    learning_rate: float = 0.0
    images_per_second: float = 0.0


@dataclass(frozen=True)
class ValidationRow:
    """Mean scores over the validation images; the SSIM of very small ones is not a number."""

    step: Step
    psnr: Score
    ssim: float | None = None


@dataclass(frozen=True)
class Log:
    """The rows of a training."""

    training: tuple[TrainingRow, ...]
    validation: tuple[ValidationRow, ...]


@dataclass(frozen=True)
class History(Log):
    """One training: its log, the seconds spent in its steps, and the environments that took part in it, in order."""

    seconds: Amount
    environments: tuple[dict[str, Any], ...] = ()


def read_history(path: Path) -> History:
    """The history in `path`. Raises UsageError where it is damaged."""
    history = read_json_record(path, History, REMEDY)
    for place, row in enumerate(history.training):
        if lacking := sorted(history.training[0].losses.keys() - row.losses.keys()):
            raise UsageError(f"{path}: training.{place}.losses: lack {lacking[0]!r}; {REMEDY}")
    return history


def write_history(path: Path, history: History) -> None:
    """Write `history` to `path`."""
    write_json_record(path, history)
