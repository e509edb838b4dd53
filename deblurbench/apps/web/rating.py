"""Blind votes: raters choose the better of two restorations without knowing the models."""

from __future__ import annotations

import io
import math
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from deblurbench.apps.web.questions import Question, questions_for, rated_pairs, unanswered
from deblurbench.errors import UsageError
from deblurbench.records.votes import LEFT, Vote, append_vote, lock_votes, read_votes
from deblurbench.report.pictures.crops import Box, around, crop, most_changed
from deblurbench.report.pictures.stored_pictures import read_restored, read_sharp
from deblurbench.report.results import Results

CLOSE_UP = 64  # pixels a side of the most changed box, where raters begin to look
LARGEST_SIDE = 4096  # pixels; of a larger image the part around that box is shown
SEARCHED_SIDE = 1024  # pixels; of a larger image every second, third, ... pixel is compared


class View(NamedTuple):
    """What is shown of an image, and the pixel of it in the middle of the box that blur changed most."""

    part: Box
    x: int
    y: int


class Rating:
    """The questions and votes of a results folder."""

    def __init__(self, results: Results, path: Path) -> None:
        self._results, self._path = results, path
        self._pairs = rated_pairs(results)
        if not self._pairs:
            raise UsageError(f"{path.parent}: holds no pictures of two models on one data set; there is nothing to compare")
        self._lock = threading.Lock()
        self._votes = read_votes(path)
        self._questions_by_rater: dict[str, list[Question]] = {}
        self._asked_at: dict[str, float] = {}
        self._pictures_lock = threading.Lock()  # the pictures of one question are in memory at a time
        self._views: dict[tuple[str, str], View] = {}  # by data set and image

    @property
    def count(self) -> int:
        """The number of votes."""
        return len(read_votes(self._path))

    def next_question(self, rater: str) -> dict[str, Any]:
        """Return {number, answered, total} for the next question of a rater; number is None when all are answered."""
        with self._lock:
            remaining = self._unanswered(rater)
            self._asked_at[rater] = time.monotonic()
        total = len(self._questions(rater))
        return {"number": next(iter(remaining), None), "answered": total - len(remaining), "total": total}

    def vote(self, rater: str, number: int, choice: str) -> bool:
        """Store a vote, unless the question is answered already. Returns whether it was stored.

        Raises IndexError for a number without a question.
        """
        question = self._questions(rater)[number]
        with self._lock, lock_votes(self._path):
            self._votes = read_votes(self._path)  # another process may have written since
            if number not in self._unanswered(rater):
                return False
            now = time.monotonic()
            vote = Vote(rater, question.dataset, question.image, question.left, question.right, choice, question.is_repeat)
            append_vote(self._path, vote, now - self._asked_at.get(rater, now), datetime.now(UTC))
            self._votes = read_votes(self._path)
            return True

    def picture(self, rater: str, number: int, side: str) -> bytes:
        """Return one side of a question as PNG, in exact pixels, of at most LARGEST_SIDE a side.

        Raises IndexError for a number without a question.
        """
        question = self._questions(rater)[number]
        model = question.left if side == LEFT else question.right
        result = next(one for one in self._results.of(question.dataset) if one.model == model)
        buffer = io.BytesIO()
        with self._pictures_lock:
            view = self._view(question)
            part = crop(read_restored(result, question.image), view.part)
            Image.fromarray(np.ascontiguousarray(part)).save(buffer, "PNG", compress_level=1)
        return buffer.getvalue()

    def first_view(self, rater: str, number: int) -> dict[str, int]:
        """Return {x, y}, the pixel of both pictures where raters begin to look.

        Raises IndexError for a number without a question.
        """
        with self._pictures_lock:
            view = self._view(self._questions(rater)[number])
        return {"x": view.x, "y": view.y}

    def _view(self, question: Question) -> View:
        key = (question.dataset, question.image)
        if key not in self._views:
            blurred_input = self._results.input_of(question.dataset)
            sharp, blurred = read_sharp(blurred_input, question.image), read_restored(blurred_input, question.image)
            step = math.ceil(max(sharp.shape) / SEARCHED_SIDE)
            found = most_changed(sharp[::step, ::step], blurred[::step, ::step], math.ceil(CLOSE_UP / step))
            box = Box(*(step * value for value in found))
            part = around(sharp, box, LARGEST_SIDE)
            self._views[key] = View(part, box.left - part.left + box.width // 2, box.top - part.top + box.height // 2)
        return self._views[key]

    def _questions(self, rater: str) -> list[Question]:
        if rater not in self._questions_by_rater:
            self._questions_by_rater[rater] = questions_for(rater, self._pairs)
        return self._questions_by_rater[rater]

    def _unanswered(self, rater: str) -> list[int]:
        return list(unanswered(self._questions(rater), [vote for vote in self._votes if vote.rater == rater]))
