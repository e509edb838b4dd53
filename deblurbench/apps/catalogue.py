"""What there is to choose from."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import torch
from torch.utils.flop_counter import FlopCounterMode

from deblurbench.registry import MODELS, NETWORKS

SIZE = 256


def describe_models() -> Iterator[str]:
    """Lines for people: the families, and every network at its default size with parameters and MACs."""
    yield "families (any network runs in any of those that take one):"
    for name in MODELS.names():
        yield f"  {name:12} {_first_line(MODELS.get(name))}"
    yield ""
    yield f"networks, with their defaults; multiply-accumulates of one {SIZE}x{SIZE} image:"
    yield f"  {'name':12} {'parameters':>12} {'MACs':>10}"
    for name in NETWORKS.names():
        network = NETWORKS.build(name)
        parameters = sum(parameter.numel() for parameter in network.parameters())
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(torch.zeros(1, 3, SIZE, SIZE))
        size = f"{parameters / 1e6:10.2f} M {counter.get_total_flops() / 2e9:8.2f} G"
        yield f"  {name:12} {size}   {_first_line(NETWORKS.get(name))}"


def _first_line(cls: type) -> str:
    return (inspect.getdoc(cls) or "").split("\n", 1)[0]
