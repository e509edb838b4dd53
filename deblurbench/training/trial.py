"""Trial steps of every stage of a training, before any work begins."""

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
from deblurbench.memo import Memo
from deblurbench.models.base import Model
from deblurbench.randomness import seed_torch
from deblurbench.registry import MODELS, Spec
from deblurbench.training.parameter_group import ParameterGroup
from deblurbench.training.precision import autocast
from deblurbench.training.schedule import stage_patches
from deblurbench.training.settings import TrainingSettings
from deblurbench.training.work import macs_of_step

MAX_SECONDS = 10.0  # of all trials; stages that are left then are not tried
MAX_STEP_SECONDS = 1.0  # of one trial step, as estimated before
MACS_PER_SECOND = {"cpu": 2e10, "cuda": 5e12, "mps": 5e11}  # of a slow device of each kind
OTHER_MACS_PER_PIXEL = 1000  # the cost of all other operations, in multiply-accumulates
VALUES_PER_WEIGHT = 4  # itself, its gradient, and AdamW's two moments
FORGETFUL = Memo(None)
MIN_IMAGES = 2  # some layers refuse a batch of one


class Training(NamedTuple):
    """A training to try: the name and resolved spec of a model, its parts that are given trained, and the settings."""

    name: str
    spec: Spec
    given: tuple[str, ...]
    settings: TrainingSettings


class Cost(NamedTuple):
    """The cost of a step per image: multiply-accumulates, and at least how many bytes are saved for the backward pass."""

    macs: float
    saved_bytes: float


def require_memory(training: Training, device: torch.device, processes: int) -> None:
    """Raise UsageError where weights and batches alone exceed the memory of `device`; nothing is allocated."""
    with torch.device("meta"):
        model: Model = MODELS.build(training.spec)
    weights = sum(parameter.numel() for parameter in model.parameters())
    largest = max(batch_size // processes * crop_size**2 for _, crop_size, batch_size in stage_patches(training.settings))
    needed, available = 4 * (VALUES_PER_WEIGHT * weights + 2 * 3 * largest), _total_memory(device)
    if needed > available:
        raise UsageError(
            f"models.{training.name}: needs {needed / 1e9:,.0f} GB for its weights and batches alone, and {device.type} has "
            f"{available / 1e9:,.0f} GB; make the model, training.crop_size or training.batch_size smaller"
        )


def try_out(trainings: Sequence[Training], device: torch.device, processes: int, memo: Memo = FORGETFUL) -> None:
    """Take one training step of every stage of `trainings`, on random images. Raises UsageError where one fails.

    One that `memo` knows to have worked is not tried again.

    A step has the patches, the precision and this process's part of the batches of its stage; where that would take too
    long, MIN_IMAGES images, and where even these would, it is left out. Equal stages are tried once. Nothing of it
    remains, and the state of random number generators is restored.
    """
    end, tried = time.perf_counter() + MAX_SECONDS, set[str]()
    for training in trainings:
        stages = {}
        for _, crop_size, batch_size in stage_patches(training.settings):
            parts = [training.spec, training.given, crop_size, batch_size, training.settings.precision]
            key = digest(["trial", *parts, str(device), _total_memory(device), processes])
            if key not in tried and not memo.get(key):
                tried.add(key)
                stages[crop_size, batch_size] = batch_size // processes, key
        if not stages or time.perf_counter() > end:
            continue
        with _preserved_random_state(device):
            seed_torch("trial")
            model = _build_model(training).to(device).to(memory_format=torch.channels_last)
            for (crop_size, batch_size), (count, key) in stages.items():
                if time.perf_counter() > end:
                    break
                where = f"models.{training.name}: training on batches of {batch_size} patches of {crop_size} pixels a side"
                try:
                    _try_stage(model, training.settings, crop_size, count, device)
                except Exception as error:  # whatever a network, a loss or torch refuses
                    raise UsageError(f"{where} fails: {reason(error)}; change these or the model") from error
                memo.put(key, True)
        del model
        if device.type == "cuda":
            torch.cuda.empty_cache()


def _build_model(training: Training) -> Model:
    model: Model = MODELS.build(training.spec)
    model.prepare_training()
    for place in training.given:
        model.get_submodule(place).requires_grad_(False)
    return model.train()


def _try_stage(model: Model, settings: TrainingSettings, crop_size: int, batch_part: int, device: torch.device) -> None:
    few = min(batch_part, MIN_IMAGES)
    cost = _cost_per_image(model, crop_size, few)
    if cost is not None:
        needed, available = batch_part * cost.saved_bytes / (1 if settings.precision == "float32" else 2), _total_memory(device)
        if needed > available:
            raise MemoryError(f"a step needs more than {needed / 1e9:,.0f} GB, and {device.type} has {available / 1e9:,.0f} GB")
    for count in dict.fromkeys((batch_part, few) if cost else (few,)):
        macs = count * ((cost.macs if cost else 0) + OTHER_MACS_PER_PIXEL * crop_size**2)
        if macs <= MAX_STEP_SECONDS * MACS_PER_SECOND[device.type]:
            _step(model, settings, crop_size, count, device)
            return


def _cost_per_image(model: Model, crop_size: int, count: int) -> Cost | None:
    """The cost per image of a step on `count` images; None where it cannot be counted on the meta device."""
    images = torch.empty(count, 3, crop_size, crop_size, device="meta")
    saved: dict[int, torch.UntypedStorage] = {}

    def save(tensor: Tensor) -> Tensor:
        if not isinstance(tensor, nn.Parameter):
            storage = tensor.untyped_storage()
            saved[storage._cdata] = storage
        return tensor

    try:
        with saved_tensors_hooks(save, lambda tensor: tensor):
            macs = macs_of_step(copy.deepcopy(model).to("meta"), Batch(images, images))
    except Exception:  # it depends on values, or fails as the step itself will
        return None
    return Cost(macs / count, sum(storage.nbytes() for storage in saved.values()) / count)


def _step(model: Model, settings: TrainingSettings, crop_size: int, count: int, device: torch.device) -> None:
    """Take one training step as the trainer does, except for compilation."""
    groups = {name: ParameterGroup(parameters, settings, device) for name, parameters in model.trained_parameters().items()}
    images = torch.rand(2, count, crop_size, crop_size, 3, device=device).permute(0, 1, 4, 2, 3)  # (2, B, 3, H, W)
    loss_steps = model.losses(Batch(*images), 0)
    while True:
        with autocast(settings, device):
            loss_step = next(loss_steps, None)
        if loss_step is None:
            return
        loss = torch.stack(list(loss_step.losses.values())).sum()
        groups[loss_step.group].update(loss, settings.learning_rate, lambda _: None)


@contextmanager
def _preserved_random_state(device: torch.device) -> Iterator[None]:
    devices = [torch.cuda.current_device()] if device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        yield


def _total_memory(device: torch.device) -> float:
    """The total memory of `device` in bytes; infinite where it is unknown."""
    if device.type == "cuda":
        return float(torch.cuda.get_device_properties(device).total_memory)
    if not hasattr(os, "sysconf"):  # Windows
        return math.inf
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
