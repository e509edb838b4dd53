"""The schedule of a training: patches and learning rate at each step, and when the budget is spent."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from deblurbench.training.settings import TrainingSettings


@dataclass(frozen=True)
class Stage:
    """A part of a training with patches of one size; it ends at a fraction of the budget, and at `last_step` where known."""

    until: float
    last_step: int | None
    crop_size: int
    batch_size: int


class Schedule:
    """The stages and the learning rate of one training. `ends` are the last steps of the stages; None for a budget of time."""

    def __init__(self, settings: TrainingSettings, ends: list[int] | None) -> None:
        self.settings = settings
        self.stages = [
            Stage(until, ends[place] if ends else None, crop_size, batch_size)
            for place, (until, crop_size, batch_size) in enumerate(stage_patches(settings))
        ]
        self.total_steps = ends[-1] if ends else None
        self._constant_steps = 0
        if ends:
            spent = [0.0, *(stage.until for stage in self.stages)]
            self._constant_steps = round(float(np.interp(settings.constant_until, spent, [0, *ends])))

    def budget_fraction(self, step: int, seconds: float) -> float:
        """The fraction of the budget that is spent after `step` steps in `seconds`; at least 1 at the end."""
        if self.total_steps is not None:
            return step / self.total_steps
        assert self.settings.minutes is not None
        return seconds / (60 * self.settings.minutes)

    def learning_rate(self, step: int, seconds: float) -> float:
        """The learning rate: linear warm-up over `warmup_steps`, the peak until `constant_until`, then cosine annealing."""
        peak, final, warmup = self.settings.learning_rate, self.settings.final_learning_rate, self.settings.warmup_steps
        if step < warmup:
            return peak * (step + 1) / warmup
        if self.total_steps is not None:
            start = max(warmup, self._constant_steps)
            progress = (step - start) / max(self.total_steps - 1 - start, 1)
        else:
            constant = self.settings.constant_until
            progress = (self.budget_fraction(step, seconds) - constant) / (1 - constant)
        return final + (peak - final) * 0.5 * (1 + math.cos(math.pi * min(max(progress, 0), 1)))


def stage_patches(settings: TrainingSettings) -> list[tuple[float, int, int]]:
    """The patches of each stage: (the budget fraction at its end, crop size, batch size)."""
    earlier = [(patches["until"], patches["crop_size"], patches["batch_size"]) for patches in settings.progressive]
    return [*earlier, (1.0, settings.crop_size, settings.batch_size)]
