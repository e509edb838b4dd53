"""How long the cells that are still to be run will take, judged by those that were run."""

from __future__ import annotations

import time
from collections.abc import Sequence

from deblurbench.benchmark.plan import Cell
from deblurbench.progress import MatrixPosition


class TimeLeft:
    """Estimates the time left for the `pending` cells, in seconds.

    A cell takes as long as those of the same model took on the mean, on any data set and with any seed; a training of
    another model as long as the other trainings; what is only scored, nothing until one was.
    """

    def __init__(self, pending: Sequence[Cell]) -> None:
        self._pending = pending
        self._seconds: list[tuple[Cell, float]] = []  # of the cells that were run
        self._begun = time.perf_counter()

    def begin(self, number: int) -> MatrixPosition:
        """Begin the cell `number`, from 1. Returns its position."""
        self._begun = time.perf_counter()
        cell = self._pending[number - 1]
        label = f"[{number}/{len(self._pending)}] {cell.name.model}"
        return MatrixPosition(label, lambda seconds: seconds + self._of_later(number, seconds))

    def end(self, number: int) -> float:
        """End the cell `number`. Returns its seconds."""
        seconds = time.perf_counter() - self._begun
        self._seconds.append((self._pending[number - 1], seconds))
        return seconds

    def _of_later(self, number: int, left_of_this: float) -> float:
        this = self._pending[number - 1]
        known = [*self._seconds, (this, time.perf_counter() - self._begun + left_of_this)]
        return sum(_estimate(cell, known) for cell in self._pending[number:])


def _estimate(cell: Cell, known: Sequence[tuple[Cell, float]]) -> float:
    same = [seconds for other, seconds in known if other.name.model == cell.name.model]
    if not same and cell.settings is not None and cell.settings.minutes is not None:
        return 60 * cell.settings.minutes
    alike = [seconds for other, seconds in known if (other.settings is None) == (cell.settings is None)]
    chosen = same or alike
    return sum(chosen) / len(chosen) if chosen else 0.0
