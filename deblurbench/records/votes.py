"""The file of votes: which of two restorations people preferred."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from deblurbench.errors import DeblurbenchError, UsageError
from deblurbench.files import csv_lines, from_cell

COLUMNS = ("rater", "dataset", "image", "left", "right", "choice", "repeats", "seconds", "time")
CHOICES = LEFT, RIGHT, NO_DIFFERENCE = "left", "right", "same"
REPEATS = {"yes": True, "no": False}
LOCK_SECONDS = 30
POINTS = {LEFT: 1.0, RIGHT: 0.0, NO_DIFFERENCE: 0.5}


@dataclass(frozen=True)
class Vote:
    """One answer of one rater: which of two restorations of an image, without their names, looked better."""

    rater: str
    dataset: str
    image: str
    left: str  # models
    right: str
    choice: str  # of CHOICES
    is_repeat: bool  # asked before with the sides exchanged, to learn how steady the rater is; counts for nothing else

    @property
    def points(self) -> float:
        """The points of the left model: 1 for a win, 0.5 for no difference, else 0."""
        return POINTS[self.choice]

    @property
    def question(self) -> tuple[str, str, str, frozenset[str]]:
        """The question that was answered, whichever model was on the left."""
        return (self.rater, self.dataset, self.image, frozenset((self.left, self.right)))


@contextmanager
def lock_votes(path: Path) -> Iterator[None]:
    """Hold the file of votes `path` for this process alone during a `with` block. Raises DeblurbenchError where it cannot."""
    try:
        with FileLock(path.with_name(f".{path.name}.lock"), timeout=LOCK_SECONDS):
            yield
    except Timeout as error:
        raise DeblurbenchError(f"{path}: another process has held it for {LOCK_SECONDS} seconds; stop that process") from error


def append_vote(path: Path, vote: Vote, seconds: float, time: datetime) -> None:
    """Add `vote`, given after so many `seconds` at `time`, to `path`, in place of a line that a crash has cut off."""
    is_repeat = next(text for text, value in REPEATS.items() if value == vote.is_repeat)
    cells = (
        vote.rater, vote.dataset, vote.image, vote.left, vote.right, vote.choice, is_repeat, f"{seconds:.1f}",
        time.isoformat(timespec="seconds"),
    )  # fmt: skip
    with path.open("a+b") as file:
        file.seek(0)
        data = file.read()
        complete = data.removesuffix(cut_off(data))
        file.truncate(len(complete))
        if complete and not complete.endswith(b"\n"):
            file.write(b"\n")
        file.write(csv_lines(COLUMNS, [dict(zip(COLUMNS, cells, strict=True))], header=not complete).encode())
        file.flush()
        os.fsync(file.fileno())


def read_votes(path: Path) -> list[Vote]:
    """The votes in `path`; none where there is no such file. What a crash has left of a last line is none.

    Raises UsageError for any other line that is no vote.
    """
    data = path.read_bytes() if path.is_file() else b""
    return list(_votes(data.removesuffix(cut_off(data)), path))


def cut_off(data: bytes) -> bytes:
    """The incomplete last line of a file of votes that a crash has left; mostly nothing."""
    last = data[data.rfind(b"\n") + 1 :]
    try:
        rows = list(csv.reader([last.decode("utf-8")]))
    except (UnicodeDecodeError, csv.Error):
        return last
    return b"" if rows and _vote(rows[0]) else last


def cut_off_note(path: Path) -> str:
    """A message about an incomplete last line; empty where there is none."""
    lost = cut_off(path.read_bytes()) if path.is_file() else b""
    return f"{path}: its last line was cut off and counts for nothing: {lost[:60].decode('utf-8', 'replace')!r}" if lost else ""


def _votes(data: bytes, path: Path) -> Iterator[Vote]:
    try:
        reader = csv.reader(io.StringIO(data.decode("utf-8"), newline=""))
        for number, row in enumerate(reader):
            vote = _vote(row)
            if number == 0 and row != list(COLUMNS):
                raise UsageError(f"{path}: line 1 does not name the columns {','.join(COLUMNS)}; mend it")
            if vote is not None:
                yield vote
            elif number and row:
                raise UsageError(f"{path}: line {reader.line_num} is no vote ({', '.join(COLUMNS)}); mend or remove it")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}: line {line} is no UTF-8 text; mend or remove it") from error
    except csv.Error as error:
        raise UsageError(f"{path}: line {reader.line_num} is no vote ({error}); mend or remove it") from error


def _vote(row: Sequence[str]) -> Vote | None:
    """The vote in a row of the file; None where it holds none."""
    if len(row) != len(COLUMNS):
        return None
    rater, dataset, image, left, right, choice, repeats, *_ = map(from_cell, row)
    if choice not in CHOICES or repeats not in REPEATS or left == right:
        return None
    return Vote(rater, dataset, image, left, right, choice, is_repeat=REPEATS[repeats])
