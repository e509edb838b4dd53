"""The learning rate as a function of the step."""

from __future__ import annotations

import math

from deblurbench.training.settings import TrainingSettings


def learning_rate(step: int, settings: TrainingSettings) -> float:
    """Linear warm-up over `warmup_steps`, then a half cosine down to `final_learning_rate` at the last step."""
    peak, final = settings.learning_rate, settings.final_learning_rate
    if step < settings.warmup_steps:
        return peak * (step + 1) / settings.warmup_steps
    progress = (step - settings.warmup_steps) / max(settings.steps - 1 - settings.warmup_steps, 1)
    return final + (peak - final) * 0.5 * (1 + math.cos(math.pi * min(progress, 1)))
