"""Blind votes: people say which of two restorations looks better, without knowing which model made which."""

from __future__ import annotations

import contextlib
import io
import os
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from deblurbench.apps.web.questions import Question, choices, questions_for, unanswered
from deblurbench.errors import UsageError
from deblurbench.files import csv_lines
from deblurbench.records.votes import COLUMNS, LEFT, cut_off, read_votes
from deblurbench.report.pictures.crops import around, crop, most_changed
from deblurbench.report.pictures.stored_pictures import read_restored, read_sharp
from deblurbench.report.results import Results

VIEW, CLOSE_UP = 512, 64  # pixels a side: what is shown of a large image, around where blur changed it most


class Rating:
    """The votes of a results folder: what to ask whom, and what was answered."""

    def __init__(self, results: Results, path: Path) -> None:
        self._results, self._path = results, path
        self._choices = choices(results)
        if not self._choices:
            raise UsageError(f"{path.parent}: holds no pictures of two models on one data set; there is nothing to compare")
        self._lock = threading.Lock()
        self._votes = read_votes(path)
        self._asked: dict[str, list[Question]] = {}
        self._since: dict[str, float] = {}

    @property
    def count(self) -> int:
        """How many votes there are."""
        return len(read_votes(self._path))

    def next_question(self, rater: str) -> dict[str, Any]:
        """{number, answered, total}: the next question of a rater; number is None when all are answered."""
        with self._lock:
            open_questions = list(self._open(rater))
            self._since[rater] = time.monotonic()
        total = len(self._questions(rater))
        return {"number": next(iter(open_questions), None), "answered": total - len(open_questions), "total": total}

    def vote(self, rater: str, number: int, choice: str) -> bool:
        """Write a vote down, unless that question is answered already. Returns whether it was.

        Raises IndexError for a question that there is not.
        """
        question = self._questions(rater)[number]
        with self._lock, locked(self._path) as file:
            self._votes = read_votes(self._path)  # another process may have written since
            if number not in self._open(rater):
                return False
            now = time.monotonic()
            row = {
                "rater": rater,
                "dataset": question.dataset,
                "image": question.image,
                "left": question.left,
                "right": question.right,
                "choice": choice,
                "repeats": "yes" if question.is_repeat else "no",
                "seconds": f"{now - self._since.get(rater, now):.1f}",
                "time": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            is_first = begin_line(file) == 0
            file.write(csv_lines(COLUMNS, [row], header=is_first).encode())
            file.flush()
            os.fsync(file.fileno())
            self._votes = read_votes(self._path)
            return True

    def picture(self, rater: str, number: int, side: str) -> bytes:
        """One side of a question as PNG, in exact pixels. Raises IndexError for a question that there is not."""
        question = self._questions(rater)[number]
        untouched = self._results.input_of(question.dataset)
        model = question.left if side == LEFT else question.right
        result = next(one for one in self._results.of(question.dataset) if one.model == model)
        sharp, blurred = (read_sharp(untouched, question.image), read_restored(untouched, question.image))
        view = around(sharp, most_changed(sharp, blurred, CLOSE_UP), VIEW)
        buffer = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(crop(read_restored(result, question.image), view))).save(buffer, "PNG")
        return buffer.getvalue()

    def _questions(self, rater: str) -> list[Question]:
        if rater not in self._asked:
            self._asked[rater] = questions_for(rater, self._choices)
        return self._asked[rater]

    def _open(self, rater: str) -> list[int]:
        return list(unanswered(self._questions(rater), [vote for vote in self._votes if vote.rater == rater]))


def begin_line(file: BinaryIO) -> int:
    """Go to where the next vote begins, in place of what a crash has left of another. Returns where that is."""
    file.seek(0)
    data = file.read()
    whole = data.removesuffix(cut_off(data))
    file.truncate(len(whole))
    end = file.seek(0, os.SEEK_END)
    return end + file.write(b"\n") if whole and not whole.endswith(b"\n") else end


@contextlib.contextmanager
def locked(path: Path) -> Iterator[BinaryIO]:
    """`path`, to read and to append to, for this process alone where the system has such locks (Windows: for this program)."""
    with path.open("a+b") as file:
        with contextlib.suppress(ImportError):
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)  # released when it is closed
        yield file
