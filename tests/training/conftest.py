"""Shared by tests of training: trainers on shaken photographs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deblurbench.data.prepared import PreparedDataset
from deblurbench.randomness import seed_torch
from deblurbench.registry import MODELS, Spec
from deblurbench.training.processes import open_accelerator
from deblurbench.training.settings import TrainingSettings
from deblurbench.training.trainer import Trainer, TrainingRun

BuildTrainer = Callable[..., Trainer]
HERE: dict[str, Any] = {"machine": {"device": "cpu", "threads": 1}, "versions": {"torch": "2.8"}, "git": None}


@pytest.fixture
def build_trainer(sharp_photos: PreparedDataset, tmp_path: Path) -> BuildTrainer:
    """Builds the trainer of `spec` into a folder, as the same training on the same machine unless told otherwise."""

    def build(spec: Spec, settings: TrainingSettings, folder: str = "run", **changes: Any) -> Trainer:
        seed_torch(0, "initial weights")
        facts = {"spec": MODELS.resolve(spec), "seed": 0, "identity": "it", "environment": HERE}
        training = TrainingRun(**{**facts, "folder": tmp_path / folder, **changes})
        return Trainer(MODELS.build(spec), sharp_photos, settings, open_accelerator("cpu"), training)

    return build
