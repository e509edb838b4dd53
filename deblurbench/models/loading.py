"""From a checkpoint to a model that restores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from deblurbench.checkpoint import load_checkpoint, load_weights, save_checkpoint
from deblurbench.errors import UsageError
from deblurbench.models.base import Model, family
from deblurbench.registry import MODELS, Spec


def save_model(path: Path, model: Model, spec: Spec, **facts: Any) -> None:
    """Save what `model` needs to restore, with its resolved `spec` and whatever else should be known of it."""
    save_checkpoint(path, model.restoring_state(), {"model": spec, **facts})


def load(path: str | Path, *, device: str | torch.device = "cpu", **restoring: Any) -> Model:
    """The model in a checkpoint (`last.safetensors` or `best.safetensors` of a run), ready to restore.

    `restoring` changes parameters that affect only how it restores, `samples=8` of a diffusion model, say. Raises
    UsageError where the file is no model of deblurbench, or a parameter is not one of these.
    """
    path = Path(path)
    tensors, metadata = load_checkpoint(path)
    if "model" not in metadata:
        raise UsageError(f"{path}: holds the state of a training, not a model; give the last.safetensors beside it")
    spec = with_restoring_parameters(metadata["model"], restoring, str(path))
    model: Model = MODELS.build(spec, str(path))
    for part in model.restoring_modules:
        prefix = f"{part}."
        load_weights(
            getattr(model, part),
            {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)},
            path,
        )
    # Channels last, as in training: what convolutions are fastest in.
    return model.to(device).to(memory_format=torch.channels_last).eval()


def with_restoring_parameters(spec: Spec, changes: Spec, where: str) -> Spec:
    """`spec` with `changes` to parameters that affect only how the model restores. Raises UsageError for any other."""
    allowed = family(spec["name"], where).restoring_parameters
    for key in changes:
        if key not in allowed:
            can = f"only {', '.join(allowed)} can" if allowed else "nothing of it can"
            raise UsageError(f"{where}: {key}: model '{spec['name']}' was trained with it; {can} be changed afterwards")
    return MODELS.resolve({**spec, **changes}, where)
