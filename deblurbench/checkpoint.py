"""Checkpoints: tensors and JSON in one safetensors file, written whole or not at all; nothing in it can run code."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from deblurbench.errors import UsageError, one_line
from deblurbench.files import write_whole
from deblurbench.registry import abbreviate

METADATA_KEY, CHECKSUM, FORMAT_KEY = "deblurbench", "checksum", "format"
# The format of the files that are written; files without one have format 0. To rename an argument or a tensor, raise it by
# one and add a migration to models/migrations.py.
FORMAT = 2
REMEDY = "put a whole copy in its place, or let deblurbench run --restart make it anew"


def save_checkpoint(path: Path, tensors: dict[str, Tensor], metadata: dict[str, Any]) -> None:
    """Write `tensors`, and in the file's header `metadata` (a JSON object) with the format and a checksum of it all."""
    on_cpu = {name: tensor.detach().to("cpu").contiguous() for name, tensor in tensors.items()}
    metadata = {**metadata, FORMAT_KEY: FORMAT}
    header = {CHECKSUM: _checksum(on_cpu, metadata), **metadata}
    write_whole(path, save(on_cpu, metadata={METADATA_KEY: json.dumps(header)}))


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read the tensors (on the CPU) and the metadata of a checkpoint, its format among them.

    Raises UsageError where `path` is no checkpoint of deblurbench, has a newer format, or is damaged. Files that were written
    without a checksum are not checked.
    """
    if not path.is_file():
        raise UsageError(f"{path}: there is no such checkpoint; a run leaves them in runs/DATASET/MODEL/seed-N/")
    try:
        with safe_open(str(path), framework="pt") as file:
            header = (file.metadata() or {}).get(METADATA_KEY)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
    except (SafetensorError, OSError) as error:
        raise UsageError(f"{path}: not a whole safetensors file ({one_line(error)}); {REMEDY}") from error
    if header is None:
        raise UsageError(f"{path}: was not written by deblurbench; give a last.safetensors or best.safetensors of a run")
    metadata = _metadata(header, path)
    _require_known_format(metadata.get(FORMAT_KEY, 0), path)
    checksum = metadata.pop(CHECKSUM, None)
    if checksum is not None and checksum != _checksum(tensors, metadata):
        raise UsageError(f"{path}: is damaged: it does not hold what was saved (its checksum differs); {REMEDY}")
    return tensors, {FORMAT_KEY: 0, **metadata}


def _require_known_format(found: Any, path: Path) -> None:
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise UsageError(f"{path}: is damaged: its format is {abbreviate(found)}, which is no number of a format; {REMEDY}")
    if found > FORMAT:
        raise UsageError(
            f"{path}: has format {abbreviate(found)}, and this deblurbench reads formats up to {FORMAT}; upgrade deblurbench"
        )


def _metadata(header: str, path: Path) -> dict[str, Any]:
    try:
        metadata = json.loads(header)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: is damaged: its metadata are no JSON ({one_line(error)}); {REMEDY}") from error
    if not isinstance(metadata, dict):
        raise UsageError(f"{path}: is damaged: its metadata are no JSON object; {REMEDY}")
    return metadata


def _checksum(tensors: dict[str, Tensor], metadata: dict[str, Any]) -> str:
    """The SHA-256 of the metadata and of the name, dtype, shape and bytes of every tensor."""
    checksum = hashlib.sha256(json.dumps(metadata).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        checksum.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        checksum.update(tensor.flatten().view(torch.uint8).numpy().data)
    return checksum.hexdigest()


def load_weights(module: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    """Copy `tensors` into `module`. Raises UsageError as `require_fitting` does."""
    require_fitting(module, tensors, path)
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            tensor.copy_(tensors[name])


def require_fitting(module: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    """Raise UsageError, naming the first of `tensors` that does not fit `module`, where they are another model's."""
    own = module.state_dict()
    for name in sorted(own.keys() | tensors.keys()):
        found, wanted = tensors.get(name), own.get(name)
        if found is None or wanted is None or found.shape != wanted.shape:
            difference = (
                "lacks it" if found is None else "has it, the model does not" if wanted is None
                else f"has {tuple(found.shape)}, the model {tuple(wanted.shape)}"
            )  # fmt: skip
            raise UsageError(f"{path}: is the checkpoint of another model: '{name}': the file {difference}")
