"""The list of `deblurbench models`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import torch

from deblurbench.registry import ADVERSARIAL_LOSSES, CLASSICAL, DISCRIMINATORS, LOSSES, MODELS, NETWORKS
from deblurbench.scoring.costs import MACS_SIZE, count_macs


def describe_models() -> Iterator[str]:
    """Yield lines that list the families, every network at its default size with parameters and MACs, and the losses."""
    yield "families (any network runs in any of those that take one, deblurgan and deblurgan-v2 only in cnn and gan):"
    for name in MODELS.names():
        yield f"  {name:12} {_first_line(MODELS.get(name))}"
    yield ""
    yield f"networks, with their defaults; multiply-accumulates of one {MACS_SIZE}x{MACS_SIZE} image:"
    yield f"  {'name':20} {'parameters':>12} {'MACs':>10}"
    for name in NETWORKS.names():
        with torch.device("meta"):  # shapes only, no computation
            network = NETWORKS.build(name)
        parameters = sum(parameter.numel() for parameter in network.parameters())
        size = f"{parameters / 1e6:10.2f} M {count_macs(network, torch.device('meta')) / 1e9:8.2f} G"
        yield f"  {name:20} {size}   {_first_line(NETWORKS.get(name))}"
    yield ""
    for kind, registry in (("discriminators", DISCRIMINATORS), ("adversarial losses", ADVERSARIAL_LOSSES), ("losses", LOSSES)):
        yield f"{kind}: {', '.join(registry.names())}"
    yield f"classical methods: {', '.join(CLASSICAL.names())}"


def _first_line(cls: type) -> str:
    return (inspect.getdoc(cls) or "").split("\n", 1)[0]
