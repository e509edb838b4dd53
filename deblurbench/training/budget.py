"""The schedule that a budget allows."""

from __future__ import annotations

import copy

import torch

from deblurbench.batch import Batch
from deblurbench.models.base import Model
from deblurbench.training.schedule import Schedule, stage_patches
from deblurbench.training.settings import TrainingSettings
from deblurbench.training.work import macs_of_step


def plan_schedule(settings: TrainingSettings, model: Model) -> Schedule:
    """Compute the schedule of a training of `model`; for a budget of multiply-accumulates a step of each stage is counted."""
    if settings.minutes is not None:
        return Schedule(settings, None)
    ends, before = [0], 0.0
    for until, crop_size, batch_size in stage_patches(settings):
        if settings.teramacs is None:
            assert settings.steps is not None  # a budget is one of the three
            ends.append(round(settings.steps * until))
        else:
            cost = batch_size * macs_of_sample(model, crop_size)
            ends.append(ends[-1] + max(round(settings.teramacs * 1e12 * (until - before) / cost), 1))
            before = until
    return Schedule(settings, ends[1:])


def macs_of_sample(model: Model, crop_size: int) -> int:
    """Count the multiply-accumulates of the forward and backward passes of all loss steps on one patch."""
    probe = copy.deepcopy(model)  # counting would change its buffers
    device = next(probe.parameters()).device
    # Two patches, because batch normalisation needs more than one value per channel.
    image = torch.rand(2, 3, crop_size, crop_size, generator=torch.Generator().manual_seed(0)).to(device)
    return macs_of_step(probe, Batch(image, image.flip(3))) // 2
