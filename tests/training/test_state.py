"""A state that cannot be resumed is named."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from deblurbench.checkpoint import load_checkpoint, save_checkpoint
from deblurbench.errors import UsageError
from deblurbench.registry import MODELS
from deblurbench.training.ema import ExponentialMovingAverage
from deblurbench.training.state import load_state, save_state
from tests.conftest import TINY_UNET

FACTS: dict[str, Any] = {
    "identity": "it", "step": 2, "samples": 4, "seconds": 1.0, "best_psnr": float("-inf"), "history": {"training": [], "validation": []},
    "interval": {}, "scalers": {}, "environments": [],
}  # fmt: skip
Change = Callable[[dict[str, Tensor], dict[str, Any]], object]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors, facts: facts.pop("scalers"), "is no state of a training: scalers: Field required"),
        (lambda tensors, facts: facts.update(step="2"), "is no state of a training: step: Input should be a valid integer"),
        (lambda tensors, facts: facts.update(history=[]), "is no state of a training: history: Input should be a valid dict"),
        (
            lambda tensors, facts: facts.update(history={"training": []}),
            "is no state of a training: validation: Field required",
        ),
        (lambda tensors, facts: tensors.pop("model.network.output.bias"), "is the checkpoint of another model"),
        (lambda tensors, facts: tensors.update({"optimizer.network.99.step": torch.ones(())}), "is the state of another optim"),
        (
            lambda tensors, facts: tensors.update({"optimizer.network.step": torch.ones(())}),
            "is the state of another optimiser",
        ),
    ],
)
def test_an_incomplete_state_is_refused(change: Change, message: str, tmp_path: Path) -> None:
    model = MODELS.build({"name": "cnn", "network": TINY_UNET})
    average = ExponentialMovingAverage(model, 0.9)
    optimizers = {"network": torch.optim.AdamW(model.parameters())}
    path = tmp_path / "state.safetensors"
    save_state(path, model, average, optimizers, FACTS)
    assert load_state(path, model, average, optimizers) == FACTS
    tensors, facts = load_checkpoint(path)
    change(tensors, facts)
    save_checkpoint(path, tensors, facts)
    with pytest.raises(UsageError, match=rf"state\.safetensors: {re.escape(message)}"):
        load_state(path, model, average, optimizers)
