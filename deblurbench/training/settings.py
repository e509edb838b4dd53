"""What a training may be told in YAML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Interval

from deblurbench.registry import NonNegativeFloat, PositiveFloat, PositiveInt

Momentum = Annotated[float, Interval(ge=0, lt=1)]


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """The budget and the optimiser of one training; every field can change its result."""

    steps: PositiveInt
    batch_size: PositiveInt = 8
    crop_size: PositiveInt = 128
    learning_rate: PositiveFloat = 1e-3
    final_learning_rate: NonNegativeFloat = 1e-6
    warmup_steps: Annotated[int, Ge(0)] = 50
    betas: tuple[Momentum, Momentum] = (0.9, 0.99)
    weight_decay: NonNegativeFloat = 0.0
    clip_norm: Annotated[float, Gt(0)] = 1.0
    ema_decay: Momentum = 0.999
    precision: Literal["float32", "bfloat16"] = "float32"
    validation_crop: PositiveInt = 256
    validation_images: PositiveInt = 64
    log_every: PositiveInt = 20
    validate_every: PositiveInt = 500
    checkpoint_every: PositiveInt = 500
