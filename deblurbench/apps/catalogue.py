"""The list of `deblurbench models`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import torch

from deblurbench.experiment.building_blocks import blocks
from deblurbench.memo import Memo
from deblurbench.models.loading import spec_of_checkpoint
from deblurbench.registry import ADVERSARIAL_LOSSES, CLASSICAL, DISCRIMINATORS, LOSSES, MODELS, NETWORKS, Spec
from deblurbench.scoring.costs import MACS_SIZE, count_macs
from deblurbench.weights.shipped import shipped_weights
from deblurbench.yaml_files import read_yaml

HERE = Path("experiment.yaml")  # building blocks of this folder are listed, too


def describe_models(memo: Memo) -> Iterator[str]:
    """Yield lines that list the families, every network and preset with parameters and MACs, and the losses.

    Sizes that `memo` knows are not computed again.
    """
    yield "families (any network runs in any of those that take one, deblurgan and deblurgan-v2 only in cnn and gan):"
    for name in MODELS.names():
        yield f"  {name:12} {_first_line(MODELS.get(name))}"
    yield ""
    yield f"networks, with their defaults; multiply-accumulates of one {MACS_SIZE}x{MACS_SIZE} image:"
    yield _HEADING
    for name in NETWORKS.names():
        yield f"  {name:26} {_size({'name': name}, memo)}   {_first_line(NETWORKS.get(name))}"
    yield ""
    yield "presets of networks, in configs/networks/ (models.cnn.network=nafnet-tiny):"
    yield _HEADING
    for name, path in sorted(blocks(HERE, "networks").items()):
        spec = read_yaml(path)
        yield f"  {name:26} {_size(spec, memo)}   {_in_words(spec)}"
    yield ""
    yield "presets of models, in configs/models/ (models.naf=cnn-nafnet adds one to an experiment):"
    yield f"  {', '.join(sorted(blocks(HERE, 'models')))}"
    yield ""
    yield "weights that ship (deblurbench deblur --model photo; {trained: photo} and start: photo in an experiment):"
    yield _HEADING
    for name, weights in shipped_weights().items():
        spec = spec_of_checkpoint(weights.checkpoint, name)["network"]
        yield f"  {name:26} {_size(spec, memo)}   revision {weights.revision}, {weights.purpose}: {weights.card}"
    yield ""
    for kind, registry in (("discriminators", DISCRIMINATORS), ("adversarial losses", ADVERSARIAL_LOSSES), ("losses", LOSSES)):
        yield f"{kind}: {', '.join(registry.names())}"
    yield f"classical methods: {', '.join(CLASSICAL.names())}"


_HEADING = f"  {'name':26} {'parameters':>12} {'MACs':>10}"


def _size(spec: Spec, memo: Memo) -> str:
    key = ["size", spec]
    if (known := memo.get(key)) is None:
        with torch.device("meta"):  # shapes only, no computation
            network = NETWORKS.build(spec)
        parameters = sum(parameter.numel() for parameter in network.parameters())
        memo.put(key, known := [parameters, count_macs(network, torch.device("meta"))])
    return f"{known[0] / 1e6:10.2f} M {known[1] / 1e9:8.2f} G"


def _in_words(spec: Spec) -> str:
    return f"{spec['name']} with {', '.join(f'{key} {value}' for key, value in spec.items() if key != 'name')}"


def _first_line(cls: type) -> str:
    return (inspect.getdoc(cls) or "").split("\n", 1)[0]
