"""Progress of a training: loss, validation PSNR and time left."""

from __future__ import annotations

import time
from types import TracebackType

from deblurbench.progress import MatrixPosition, format_duration, progress_bar
from deblurbench.training.journal import Journal


class TrainingProgress:
    """A bar that advances by training steps; at its end stand the last loss, the last validation PSNR and the time left.

    `total_steps` is None for a budget of time. `fraction` is how much of the budget is spent.
    """

    def __init__(
        self,
        label: str,
        position: MatrixPosition | None,
        step: int,
        total_steps: int | None,
        fraction: float,
        *,
        is_shown: bool,
    ) -> None:
        self._position = position
        self._begun, self._fraction_before = time.perf_counter(), fraction
        self._bar = progress_bar(
            total=total_steps, initial=step, desc=position.label if position else label, unit="step", shows_time_left=False,
            disable=not is_shown,
        )  # fmt: skip

    def __enter__(self) -> TrainingProgress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.close()

    def advance(self, fraction: float, journal: Journal | None) -> None:
        """Show one more step, after which `fraction` of the budget is spent."""
        if not self._bar.disable:
            self._bar.set_postfix_str(", ".join([*_scores(journal), *self._time_left(fraction)]), refresh=False)
            self._bar.update()

    def _time_left(self, fraction: float) -> list[str]:
        done = fraction - self._fraction_before
        if done <= 0:
            return []
        seconds = (time.perf_counter() - self._begun) * (1 - fraction) / done
        left = f"{format_duration(seconds)} left"
        return [left, f"{format_duration(self._position.seconds_left(seconds))} for all"] if self._position else [left]


def _scores(journal: Journal | None) -> list[str]:
    """The loss of the first parameter group, and the validation PSNR, where they are known."""
    found = []
    if journal is not None and journal.training and (losses := journal.training[-1].losses):
        group = next(iter(losses)).partition("/")[0]
        found.append(f"loss {sum(value for name, value in losses.items() if name.startswith(f'{group}/')):.3g}")
    if journal is not None and journal.validation:
        found.append(f"validation {journal.validation[-1].psnr:.2f} dB")
    return found
