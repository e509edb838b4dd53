"""From a budget to a schedule."""

from __future__ import annotations

import copy

import torch
from torch.utils.flop_counter import FlopCounterMode

from deblurbench.data.batch import Batch
from deblurbench.models.base import Model
from deblurbench.training.schedule import Schedule, patches_of, shares_of
from deblurbench.training.settings import TrainingSettings


def planned(settings: TrainingSettings, model: Model) -> Schedule:
    """The schedule of a training of `model`; for a budget of multiply-accumulates a step of each stage is counted."""
    if settings.steps is not None:
        ends = [round(settings.steps * until) for until, _, _ in patches_of(settings)]
        return Schedule(settings, [end - start for start, end in zip([0, *ends], ends, strict=False)])
    if settings.teramacs is not None:
        costs = [batch * macs_of_sample(model, crop) for _, crop, batch in patches_of(settings)]
        budgets = [settings.teramacs * 1e12 * share for share in shares_of(settings)]
        return Schedule(settings, [max(round(budget / cost), 1) for budget, cost in zip(budgets, costs, strict=True)])
    return Schedule(settings, None)


def macs_of_sample(model: Model, crop_size: int) -> int:
    """Multiply-accumulates of the forward and backward passes of all players on one patch: FLOPs / 2."""
    probe = copy.deepcopy(model)  # its buffers would change
    device = next(probe.parameters()).device
    # Two of them, because statistics of a batch need more than one.
    image = torch.rand(2, 3, crop_size, crop_size, generator=torch.Generator().manual_seed(0)).to(device)
    parameters = probe.trained_parameters()
    with FlopCounterMode(display=False) as counter:
        for turn in probe.losses(Batch(image, image.flip(3)), 0):
            torch.stack(list(turn.losses.values())).sum().backward(inputs=parameters[turn.player])
    return counter.get_total_flops() // 2 // 2
