"""Small weights that ship, in the place of the real ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from deblurbench.checkpoint import FORMAT
from deblurbench.files import file_hash, write_json
from deblurbench.models.exporting import export_float16, require_exportable
from deblurbench.models.loading import load, save_model
from deblurbench.randomness import seed_torch
from deblurbench.registry import MODELS
from deblurbench.weights import shipped
from tests.conftest import TINY_UNET

NAME = "photo"
REGISTRY = "registry.json"


def write_weights(folder: Path) -> None:
    """Write random weights of a tiny CNN into `folder` as they would ship: checkpoint, graph and registry."""
    seed_torch(0)
    resolved = MODELS.resolve({"name": "cnn", "network": TINY_UNET})
    model = MODELS.build(resolved)
    for parameter in model.parameters():  # that change something
        parameter.data.mul_(1.5).add_(0.002)
    save_model(folder / "trained.safetensors", model, resolved)
    path = folder / f"{NAME}.safetensors"
    export_float16(require_exportable(load(folder / "trained.safetensors"), "trained"), resolved, path)
    facts = {
        "purpose": "for tests",
        "revision": 1,
        "format": FORMAT,
        "files": {one.name: file_hash(one) for one in (path, path.with_suffix(".onnx"))},
        "card": "docs/weights.md#photo",
    }
    write_json(folder / REGISTRY, {NAME: facts})


def ship(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ship what `write_weights` wrote into `folder`. Returns the checkpoint."""
    monkeypatch.setattr(shipped, "FOLDER", folder)
    monkeypatch.setattr(shipped, "REGISTRY", folder / REGISTRY)
    shipped.shipped_weights.cache_clear()
    return folder / f"{NAME}.safetensors"
