"""The settings of a training, as YAML gives them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal

from annotated_types import Gt, Interval
from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

from deblurbench.registry import NonNegativeFloat, PositiveFloat, PositiveInt

Momentum = Annotated[float, Interval(ge=0, lt=1)]
Steps = Annotated[int, Interval(gt=0, le=10**9)]  # of steps or images
Budget = Annotated[float, Interval(gt=0, le=1e12)]  # the number of steps must stay countable


@with_config(ConfigDict(extra="forbid"))
class Patches(TypedDict):
    """The patches of a stage, which ends at the budget fraction `until`."""

    until: Annotated[float, Interval(gt=0, lt=1)]
    crop_size: PositiveInt
    batch_size: PositiveInt


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """The budget and the optimiser of one training; every field can change its result.

    The budget is one of `steps`; `teramacs`, 10^12 multiply-accumulates of forward and backward passes of all loss steps;
    or `minutes` of training time, whose result cannot be reproduced exactly. `progressive` lists earlier stages with
    other patches, usually smaller ones in larger batches (Restormer, Zamir et al. 2022). The learning rate is constant
    until the budget fraction `constant_until`.
    """

    steps: Steps | None = None
    minutes: Budget | None = None
    teramacs: Budget | None = None
    batch_size: PositiveInt = 8
    crop_size: PositiveInt = 128
    progressive: tuple[Patches, ...] = ()
    learning_rate: PositiveFloat = 1e-3
    final_learning_rate: NonNegativeFloat = 1e-6
    warmup_steps: Annotated[int, Interval(ge=0, le=10**9)] = 50
    constant_until: Annotated[float, Interval(ge=0, lt=1)] = 0.0
    betas: tuple[Momentum, Momentum] = (0.9, 0.99)
    weight_decay: NonNegativeFloat = 0.0
    clip_norm: Annotated[float, Gt(0)] = 1.0
    ema_decay: Momentum = 0.999
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    compile: bool = False
    validation_crop: PositiveInt = 256
    validation_images: Steps = 64
    log_every: Steps = 20
    validate_every: Steps = 500
    checkpoint_every: Steps = 500

    def __post_init__(self) -> None:
        budgets = [name for name in ("steps", "minutes", "teramacs") if getattr(self, name) is not None]
        if len(budgets) != 1:
            given = f"not {' and '.join(budgets)} (null takes one away)" if budgets else "and none is given"
            raise ValueError(f"the budget is one of steps, minutes and teramacs, {given}")
        fractions = [patches["until"] for patches in self.progressive]
        if any(first >= second for first, second in pairwise(fractions)):
            raise ValueError(f"progressive: 'until' must rise from entry to entry, not {fractions}")
