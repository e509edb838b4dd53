"""Measuring what restoring costs: parameters, multiply-accumulates, time."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from deblurbench.devices import synchronize
from deblurbench.models.base import Restorer
from deblurbench.models.restoration import RestoreOptions
from deblurbench.records.costs import Costs

MACS_SIZE, TIMING_SIZE, KERNEL_SIZE = 256, 256, 25
ROUNDS, AT_LEAST_SECONDS = 15, 1.0
FEWEST_ROUNDS, AT_MOST_SECONDS = 5, 30.0  # where models are slow


def measure_costs(
    restorers: Sequence[Restorer], train_seconds: Sequence[float], device: torch.device
) -> list[tuple[int, Costs]]:
    """The costs of each restorer, and over how many rounds its time is measured; nothing else should run on `device`."""
    found = []
    times = time_in_turn(restorers, device)
    for restorer, trained, seconds in zip(restorers, train_seconds, times, strict=True):
        evaluations, macs = evaluations_and_macs(restorer, device)
        least, spread = time_per_megapixel(seconds)
        costs = Costs(
            params=count_parameters(restorer),
            evaluations=evaluations,
            macs=macs,
            train_seconds=trained,
            ms_per_megapixel=least,
            ms_per_megapixel_spread=spread,
        )
        found.append((len(seconds), costs))
    return found


def count_parameters(model: Restorer) -> int:
    """The parameters that restoring needs; what only training needs (a discriminator) is not counted."""
    return sum(parameter.numel() for network in model.networks() for parameter in network.parameters())


def evaluations_and_macs(restorer: Restorer, device: torch.device) -> tuple[int, int]:
    """How many times networks are evaluated to restore one 256x256 image, and the multiply-accumulates of it all.

    They are counted on the device "meta", where nothing is computed; on `device` where a value is asked for.
    """
    if restorer.networks():
        try:
            return _count(copy.deepcopy(restorer).to("meta"), torch.device("meta"))
        except (NotImplementedError, RuntimeError):  # of tensors without values
            pass
    return _count(restorer, device)


def _count(restorer: Restorer, device: torch.device) -> tuple[int, int]:
    calls = 0

    def count(_: object, inputs: tuple[Tensor, ...]) -> None:
        nonlocal calls
        calls += inputs[0].shape[0]

    handles = [network.register_forward_pre_hook(count) for network in restorer.networks()]
    try:
        macs = count_macs(lambda image: restorer.restore(image, _options(restorer)), device)
    finally:
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
        options = _options(model)
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


def time_per_megapixel(seconds: Sequence[float]) -> tuple[float, float]:
    """The least milliseconds for 10^6 pixels of the rounds of one model, and by what part the median is longer.

    The minimum, because whatever else the machine does only ever adds to a time.
    """
    least = min(seconds)
    return least * 1e3 / (TIMING_SIZE**2 / 1e6), statistics.median(seconds) / least - 1


def _options(restorer: Restorer) -> RestoreOptions:
    """Options with some kernel for an oracle, whose cost does not depend on it."""
    kernel = torch.full((KERNEL_SIZE, KERNEL_SIZE), KERNEL_SIZE**-2.0) if restorer.is_oracle else None
    return RestoreOptions(kernel=kernel)
