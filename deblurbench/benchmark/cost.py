"""What restoring costs: parameters, multiply-accumulates, time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from deblurbench.devices import synchronize
from deblurbench.models.base import Model

MACS_SIZE, TIMING_SIZE, KERNEL_SIZE = 256, 256, 25
WARM_UP, REPEATS, AT_LEAST_SECONDS = 1, 3, 0.5


def count_parameters(model: Model) -> int:
    """The parameters that restoring needs; what only training needs (a discriminator) is not counted."""
    return sum(parameter.numel() for network in model.networks() for parameter in network.parameters())


def evaluations_and_macs(model: Model, device: torch.device) -> tuple[int, int]:
    """How many times a network is called to restore one 256x256 image, and the multiply-accumulates of it all."""
    calls = 0

    def count(_: object, inputs: tuple[Tensor, ...]) -> None:
        nonlocal calls
        calls += inputs[0].shape[0]

    handles = [network.register_forward_pre_hook(count) for network in model.networks()]
    kernel = _some_kernel(model)
    macs = count_macs(lambda image: model.restore(image, kernel=kernel), device)
    for handle in handles:
        handle.remove()
    return calls, macs


def count_macs(call: Callable[[Tensor], object], device: torch.device) -> int:
    """Multiply-accumulates of `call` on one 256x256 image: FLOPs / 2. On the device "meta" nothing is computed for it."""
    image = torch.zeros(1, 3, MACS_SIZE, MACS_SIZE, device=device)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        call(image)
    return counter.get_total_flops() // 2


def milliseconds_per_megapixel(model: Model, device: torch.device) -> float:
    """The median time to restore a 256x256 image, after a warm-up and with the device synchronised, per 10^6 pixels."""
    kernel = _some_kernel(model)
    image = torch.rand(1, 3, TIMING_SIZE, TIMING_SIZE, generator=torch.Generator().manual_seed(0)).to(device)
    for _ in range(WARM_UP):
        model.restore(image, kernel=kernel)
    times: list[float] = []
    while len(times) < REPEATS or sum(times) < AT_LEAST_SECONDS:
        synchronize(device)
        start = time.perf_counter()
        model.restore(image, kernel=kernel)
        synchronize(device)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3 / (TIMING_SIZE**2 / 1e6)


def _some_kernel(model: Model) -> Tensor | None:
    """A kernel for an oracle, whose cost does not depend on what it holds."""
    return torch.full((KERNEL_SIZE, KERNEL_SIZE), KERNEL_SIZE**-2.0) if model.is_oracle else None
