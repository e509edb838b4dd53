"""The state of a training in one file, from which it is resumed bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor
from torch.optim import Optimizer
from typing_extensions import TypedDict

from deblurbench.checkpoint import FORMAT_KEY, REMEDY, load_checkpoint, load_weights, save_checkpoint
from deblurbench.errors import UsageError, one_line
from deblurbench.models.base import Model
from deblurbench.records.history import Log
from deblurbench.records.validation import adapter_of, described
from deblurbench.training.ema import ExponentialMovingAverage


class TrainingFacts(TypedDict):
    """The state of a training besides its tensors."""

    identity: str
    step: int
    samples: int
    seconds: float
    best_psnr: float
    history: dict[str, list[dict[str, Any]]]
    interval: dict[str, Any]
    scalers: dict[str, dict[str, Any]]
    environments: list[dict[str, Any]]


def save_state(
    path: Path,
    model: Model,
    average: ExponentialMovingAverage,
    optimizers: Mapping[str, Optimizer],
    facts: dict[str, Any],
) -> None:
    """Write weights, their average, optimiser moments and `facts` (JSON values) to one file."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {f"average.{name}": tensor for name, tensor in average.modules.state_dict().items()}
    for group, optimizer in optimizers.items():
        for index, moments in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{group}.{index}.{name}": value for name, value in moments.items()}
    save_checkpoint(path, tensors, facts)


def load_state(
    path: Path, model: Model, average: ExponentialMovingAverage, optimizers: Mapping[str, Optimizer]
) -> dict[str, Any]:
    """Load the state in `path` into model, average and optimisers; returns its facts. Raises UsageError where it is none."""
    tensors, facts = load_checkpoint(path)
    if facts.pop(FORMAT_KEY) == 0:
        _migrate_format_0(facts)
    try:
        TypeAdapter(TrainingFacts).validate_python(facts, strict=True)
        adapter_of(Log).validate_python(facts["history"])
    except ValidationError as error:
        raise UsageError(f"{path}: is no state of a training: {described(error)}; {REMEDY}") from error
    load_weights(model, _strip_prefix("model.", tensors), path)
    load_weights(average.modules, _strip_prefix("average.", tensors), path)
    try:
        for group, optimizer in optimizers.items():
            _load_moments(optimizer, _strip_prefix(f"optimizer.{group}.", tensors))
    except (LookupError, ValueError) as error:
        raise UsageError(f"{path}: is the state of another optimiser ({one_line(error)}); {REMEDY}") from error
    return facts


def _migrate_format_0(facts: dict[str, Any]) -> None:
    """Rename the counts of the log interval, and complete the environments, which were not recorded."""
    facts.setdefault("environments", [])
    interval = facts.get("interval")
    if isinstance(interval, dict) and "turns" in interval:
        interval["counts"] = interval.pop("turns")


def _load_moments(optimizer: Optimizer, tensors: dict[str, Tensor]) -> None:
    parameters = [parameter for each in optimizer.param_groups for parameter in each["params"]]
    moments: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        index, name = key.split(".", 1)
        like = parameters[int(index)]
        # In the memory format of the parameter, as before: another order of elements could round differently.
        moment = torch.empty_like(like).copy_(tensor) if tensor.shape == like.shape else tensor
        moments.setdefault(int(index), {})[name] = moment
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})


def _strip_prefix(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
