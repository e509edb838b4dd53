"""One step of every stage of a training, tried before any work begins."""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from deblurbench.batch import Batch
from deblurbench.errors import UsageError, reason
from deblurbench.files import digest
from deblurbench.models.base import Model
from deblurbench.randomness import seed_torch
from deblurbench.registry import MODELS, Spec
from deblurbench.training.parameter_group import ParameterGroup
from deblurbench.training.precision import autocast
from deblurbench.training.schedule import stage_patches
from deblurbench.training.settings import TrainingSettings
from deblurbench.training.work import macs_of_step

SECONDS = 10.0  # that all trials may take; what is left then is not tried
STEP_SECONDS = 1.0  # that one of them may take, as far as is known before
MACS_A_SECOND = {"cpu": 2e10, "cuda": 5e12, "mps": 5e11}  # of a slow one of its kind
PIXEL_MACS = 1000  # what is done to a pixel besides, counted alike
PER_WEIGHT = 4  # numbers: itself, its gradient, and AdamW's two moments
FEW = 2  # images that are a batch: some layers refuse one


class Training(NamedTuple):
    """A training to try: a model by its name and resolved spec, the places in it that are given trained, the settings."""

    name: str
    spec: Spec
    given: tuple[str, ...]
    settings: TrainingSettings


class Cost(NamedTuple):
    """Of a step, for each image: multiply-accumulates, and the least bytes that the forward pass keeps for the backward one."""

    macs: float
    kept: float


def require_memory(training: Training, device: torch.device, processes: int) -> None:
    """Raise UsageError where weights and batches alone exceed the memory of `device`; nothing of them is allocated."""
    with torch.device("meta"):
        model: Model = MODELS.build(training.spec)
    weights = sum(parameter.numel() for parameter in model.parameters())
    largest = max(batch_size // processes * crop_size**2 for _, crop_size, batch_size in stage_patches(training.settings))
    needed, there = 4 * (PER_WEIGHT * weights + 2 * 3 * largest), _memory(device)
    if needed > there:
        raise UsageError(
            f"models.{training.name}: needs {needed / 1e9:,.0f} GB for its weights and batches alone, and {device.type} has "
            f"{there / 1e9:,.0f} GB; make the model, training.crop_size or training.batch_size smaller"
        )


def try_out(trainings: Sequence[Training], device: torch.device, processes: int) -> None:
    """One step, forward and backward, of every parameter group in every stage of `trainings`, on random images.

    Each has the stage's patches, precision and this process's part of its batches; where that would take long, as few
    images as have the same character, and where that would too, there is none. What is alike is tried once. Nothing is left
    of it, not even in the state of random numbers. Raises UsageError where one fails.
    """
    end, tried = time.perf_counter() + SECONDS, set[str]()
    for training in trainings:
        stages = {}
        for _, crop_size, batch_size in stage_patches(training.settings):
            key = digest([training.spec, training.given, crop_size, batch_size, training.settings.precision])
            if key not in tried:
                tried.add(key)
                stages[crop_size, batch_size] = batch_size // processes
        if not stages or time.perf_counter() > end:
            continue
        with _random_state_kept(device):
            seed_torch("trial")
            model = _built(training).to(device).to(memory_format=torch.channels_last)
            for (crop_size, batch_size), count in stages.items():
                if time.perf_counter() > end:
                    break
                where = f"models.{training.name}: training on batches of {batch_size} patches of {crop_size} pixels a side"
                try:
                    _try_stage(model, training.settings, crop_size, count, device)
                except Exception as error:  # whatever a network, a loss or torch refuses
                    raise UsageError(f"{where} fails: {reason(error)}; change these or the model") from error
        del model
        if device.type == "cuda":
            torch.cuda.empty_cache()


def _built(training: Training) -> Model:
    model: Model = MODELS.build(training.spec)
    model.prepare_training()
    for place in training.given:
        model.get_submodule(place).requires_grad_(False)
    return model.train()


def _try_stage(model: Model, settings: TrainingSettings, crop_size: int, batch_part: int, device: torch.device) -> None:
    few = min(batch_part, FEW)
    cost = _cost_of_image(model, crop_size, few)
    if cost is not None:
        needed, there = batch_part * cost.kept / (1 if settings.precision == "float32" else 2), _memory(device)
        if needed > there:
            raise MemoryError(f"a step needs more than {needed / 1e9:,.0f} GB, and {device.type} has {there / 1e9:,.0f} GB")
    for count in dict.fromkeys((batch_part, few) if cost else (few,)):
        macs = count * ((cost.macs if cost else 0) + PIXEL_MACS * crop_size**2)
        if macs <= STEP_SECONDS * MACS_A_SECOND[device.type]:
            _step(model, settings, crop_size, count, device)
            return


def _cost_of_image(model: Model, crop_size: int, count: int) -> Cost | None:
    """The cost of a step on `count` images for each of them; None where it cannot be counted without values."""
    images = torch.empty(count, 3, crop_size, crop_size, device="meta")
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: Tensor) -> Tensor:
        if not isinstance(tensor, nn.Parameter):
            storage = tensor.untyped_storage()
            kept[storage._cdata] = storage
        return tensor

    try:
        with saved_tensors_hooks(keep, lambda tensor: tensor):
            macs = macs_of_step(copy.deepcopy(model).to("meta"), Batch(images, images))
    except Exception:  # a value is asked for, or it is the very mistake that the step itself will name
        return None
    return Cost(macs / count, sum(storage.nbytes() for storage in kept.values()) / count)


def _step(model: Model, settings: TrainingSettings, crop_size: int, count: int, device: torch.device) -> None:
    """One training step, as the trainer takes it but for compiled code."""
    groups = {name: ParameterGroup(parameters, settings, device) for name, parameters in model.trained_parameters().items()}
    images = torch.rand(2, count, crop_size, crop_size, 3, device=device).permute(0, 1, 4, 2, 3)  # channels last
    loss_steps = model.losses(Batch(*images), 0)
    while True:
        with autocast(settings, device):
            loss_step = next(loss_steps, None)
        if loss_step is None:
            return
        loss = torch.stack(list(loss_step.losses.values())).sum()
        groups[loss_step.group].update(loss, settings.learning_rate, lambda _: None)


@contextmanager
def _random_state_kept(device: torch.device) -> Iterator[None]:
    devices = [torch.cuda.current_device()] if device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        yield


def _memory(device: torch.device) -> float:
    """Bytes that `device` has in all; infinitely many where nobody says."""
    if device.type == "cuda":
        return float(torch.cuda.get_device_properties(device).total_memory)
    if not hasattr(os, "sysconf"):  # Windows
        return math.inf
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
