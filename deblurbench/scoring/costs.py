"""What restoring costs: parameters, multiply-accumulates, time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from deblurbench.devices import synchronize
from deblurbench.models.base import Restorer
from deblurbench.models.restoration import RestoreOptions

MACS_SIZE, TIMING_SIZE, KERNEL_SIZE = 256, 256, 25
ROUNDS, AT_LEAST_SECONDS = 15, 1.0
FEWEST_ROUNDS, AT_MOST_SECONDS = 5, 30.0  # where models are slow


class TimeCost(NamedTuple):
    """The minimum of all rounds, per 10^6 pixels, and by what share of it their median is longer."""

    ms_per_megapixel: float
    ms_per_megapixel_spread: float


def count_parameters(model: Restorer) -> int:
    """The parameters that restoring needs; what only training needs (a discriminator) is not counted."""
    return sum(parameter.numel() for network in model.networks() for parameter in network.parameters())


def evaluations_and_macs(model: Restorer, device: torch.device) -> tuple[int, int]:
    """How many times a network is called to restore one 256x256 image, and the multiply-accumulates of it all."""
    calls = 0

    def count(_: object, inputs: tuple[Tensor, ...]) -> None:
        nonlocal calls
        calls += inputs[0].shape[0]

    handles = [network.register_forward_pre_hook(count) for network in model.networks()]
    options = RestoreOptions(kernel=_some_kernel(model))
    macs = count_macs(lambda image: model.restore(image, options), device)
    for handle in handles:
        handle.remove()
    return calls, macs


def count_macs(call: Callable[[Tensor], object], device: torch.device) -> int:
    """Multiply-accumulates of `call` on one 256x256 image: FLOPs / 2. On the device "meta" nothing is computed for it."""
    image = torch.zeros(1, 3, MACS_SIZE, MACS_SIZE, device=device)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        call(image)
    return counter.get_total_flops() // 2


def time_in_turn(
    models: Sequence[Restorer], device: torch.device, clock: Callable[[], float] = time.perf_counter
) -> list[list[float]]:
    """Seconds that each model takes to restore a 256x256 image, one a round: (models, rounds).

    First each warms up. Then all are timed in every round, once there and once back, so that whatever else the machine does
    meets them alike: 15 rounds, and more until they have taken a second, but only 5 where they take half a minute.
    """
    image = torch.rand(1, 3, TIMING_SIZE, TIMING_SIZE, generator=torch.Generator().manual_seed(0)).to(device)

    def seconds(model: Restorer) -> float:
        options = RestoreOptions(kernel=_some_kernel(model))
        synchronize(device)
        start = clock()
        model.restore(image, options)
        synchronize(device)
        return clock() - start

    for model in models:
        seconds(model)
    times: list[list[float]] = [[] for _ in models]
    turns = list(zip(models, times, strict=True))
    while not _are_enough(times):
        for model, own in turns:
            own.append(seconds(model))
        turns.reverse()
    return times


def _are_enough(times: list[list[float]]) -> bool:
    rounds, total = len(times[0]), sum(map(sum, times))
    return (rounds >= ROUNDS and total >= AT_LEAST_SECONDS) or (rounds >= FEWEST_ROUNDS and total >= AT_MOST_SECONDS)


def time_cost(seconds: Sequence[float]) -> TimeCost:
    """What the rounds of one model of `time_in_turn` come to.

    The minimum, because whatever else the machine does only ever adds to a time.
    """
    least = min(seconds)
    return TimeCost(least * 1e3 / (TIMING_SIZE**2 / 1e6), statistics.median(seconds) / least - 1)


def _some_kernel(model: Restorer) -> Tensor | None:
    """A kernel for an oracle, whose cost does not depend on what it holds."""
    return torch.full((KERNEL_SIZE, KERNEL_SIZE), KERNEL_SIZE**-2.0) if model.is_oracle else None
