"""Checkpoints: tensors and JSON in one safetensors file, written whole or not at all; nothing in it can run code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from deblurbench.errors import UsageError
from deblurbench.files import write_whole

METADATA_KEY = "deblurbench"


def save_checkpoint(path: Path, tensors: dict[str, Tensor], metadata: dict[str, Any]) -> None:
    """Write `tensors`, and `metadata` (any JSON value) in the file's header."""
    on_cpu = {name: tensor.detach().to("cpu").contiguous() for name, tensor in tensors.items()}
    write_whole(path, save(on_cpu, metadata={METADATA_KEY: json.dumps(metadata)}))


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors (on the CPU) and metadata of a checkpoint. Raises UsageError where `path` is none of ours."""
    return _load(path, with_tensors=True)


def load_metadata(path: Path) -> dict[str, Any]:
    """The metadata of a checkpoint, without reading its tensors. Raises UsageError where `path` is none of ours."""
    return _load(path, with_tensors=False)[1]


def _load(path: Path, *, with_tensors: bool) -> tuple[dict[str, Tensor], dict[str, Any]]:
    if not path.is_file():
        raise UsageError(f"{path}: there is no such checkpoint; a run leaves them in runs/DATASET/MODEL/seed-N/")
    try:
        with safe_open(str(path), framework="pt") as file:
            header = (file.metadata() or {}).get(METADATA_KEY)
            names = file.keys() if with_tensors else ()
            tensors = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise UsageError(f"{path}: not a whole safetensors file ({error}); give one that deblurbench wrote") from error
    if header is None:
        raise UsageError(f"{path}: was not written by deblurbench; give a last.safetensors or best.safetensors of a run")
    metadata: dict[str, Any] = json.loads(header)
    return tensors, metadata


def load_weights(module: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    """Copy `tensors` into `module`. Raises UsageError, naming the first that does not fit, where they are another model's."""
    own = module.state_dict()
    for name in sorted(own.keys() | tensors.keys()):
        found, wanted = tensors.get(name), own.get(name)
        if found is None or wanted is None or found.shape != wanted.shape:
            difference = (
                "lacks it" if found is None else "has it, the model does not" if wanted is None
                else f"has {tuple(found.shape)}, the model {tuple(wanted.shape)}"
            )  # fmt: skip
            raise UsageError(f"{path}: is the checkpoint of another model: '{name}': the file {difference}")
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(tensors[name])
