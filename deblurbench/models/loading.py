"""Saving and loading the checkpoints of models."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from deblurbench.checkpoint import FORMAT_KEY, REMEDY, load_checkpoint, load_weights, require_fitting, save_checkpoint
from deblurbench.errors import DeblurbenchError, UsageError, one_line
from deblurbench.models.base import Restorer, family
from deblurbench.models.migrations import migrate
from deblurbench.registry import MODELS, Spec
from deblurbench.weights.shipped import weights_path

MAX_DEPTH = 50  # of nested lists and mappings in the spec of a model; a nested model takes two
# Of modules that a checkpoint does not hold: a discriminator, say, which restoring does not need.
MAX_EXTRA_TENSORS, MAX_EXTRA_VALUES = 1_000, 2**27


def save_model(path: Path, model: Restorer, spec: Spec, **facts: Any) -> None:
    """Save the restoring state of `model`, with its resolved `spec` and further `facts` (JSON values) as metadata."""
    save_checkpoint(path, model.restoring_state(), {"model": spec, **facts})


def load(path: str | Path, *, device: str | torch.device = "cpu", **restoring: Any) -> Restorer:
    """Load a model in evaluation mode: shipped weights by name, or a checkpoint, `last.safetensors` of a run.

    `restoring` changes parameters that affect only how it restores, `samples=8` of a diffusion model, say. Raises
    UsageError where the file is no model of deblurbench, or a parameter is not one of these.
    """
    path = weights_path(path)
    tensors, spec = _read(path)
    model: Restorer = MODELS.build(with_restoring_parameters(spec, restoring, str(path)), str(path))
    _fill(model, tensors, path)
    # Channels last, as in training: the memory format in which convolutions are fastest.
    return model.to(device).to(memory_format=torch.channels_last).eval()


def spec_of_checkpoint(path: Path, where: str) -> Spec:
    """The resolved spec of the model in a checkpoint. Raises UsageError, with `where`, where it holds none."""
    try:
        return _read(path)[1]
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error


def fill_trained(model: Restorer, place: str, path: Path) -> None:
    """Load the weights of a checkpoint into the nested model at `place` in `model`, and freeze them."""
    part = model.get_submodule(place)
    assert isinstance(part, Restorer)  # references stand for models
    _fill(part, _read(path)[0], path)
    part.requires_grad_(False)


def warm_start(model: Restorer, path: Path) -> None:
    """Initialise `model` with the weights of a checkpoint. Raises UsageError where some do not fit."""
    tensors = _read(path)[0]
    require_fitting_start(model, tensors, str(path))
    own = model.state_dict()
    with torch.no_grad():
        for name, tensor in tensors.items():
            own[name].zero_()  # for input channels that the source lacks
            own[name][tuple(slice(side) for side in tensor.shape)] = tensor


def require_fitting_start(model: Restorer, tensors: dict[str, Tensor], where: str) -> None:
    """Raise UsageError, naming `where` and the first tensor, where one of `tensors` does not fit `model`.

    The model may have further tensors, of a discriminator or a time embedding, say, and further input channels of a
    convolution, which are initialised with zero.
    """
    own = model.state_dict()
    for name, tensor in tensors.items():
        if name not in own or not _fits(tensor, own[name]):
            has = f"has {tuple(own[name].shape)}" if name in own else "has none"
            raise UsageError(f"{where}: cannot be a start: it has '{name}' of {tuple(tensor.shape)}, and this model {has}")


def _fits(tensor: Tensor, own: Tensor) -> bool:
    """Whether `tensor` has the shape of `own`, except for fewer input channels of a convolution."""
    if tensor.shape == own.shape:
        return True
    if not tensor.ndim == own.ndim == 4:
        return False
    return tensor.shape[1] <= own.shape[1] and tensor[:, 0].shape == own[:, 0].shape


def _read(path: Path) -> tuple[dict[str, Tensor], Spec]:
    """Read the weights and the resolved spec of a checkpoint. Raises UsageError where they do not fit each other."""
    tensors, metadata = load_checkpoint(path)
    if "model" not in metadata:
        raise UsageError(f"{path}: holds the state of a training, not a model; give the last.safetensors beside it")
    if _is_deeper(metadata["model"], MAX_DEPTH):
        raise UsageError(f"{path}: model: has more than {MAX_DEPTH} levels of nested lists and mappings; {REMEDY}")
    try:
        tensors, written = migrate(tensors, metadata["model"], metadata[FORMAT_KEY])
        spec = MODELS.resolve(written, "model")
        # On the meta device, without memory: a damaged file may describe a model of any size.
        with torch.device("meta"), _limited_size(tensors):
            model: Restorer = MODELS.build(spec, "model")
    except DeblurbenchError as error:
        raise UsageError(f"{path}: {error}") from error
    except Exception as error:  # constructors may raise anything for nonsensical arguments
        raise UsageError(f"{path}: model: cannot be built ({one_line(error)}); {REMEDY}") from error
    for part, own in _by_network(model, tensors):
        require_fitting(part, own, path)
    return tensors, spec


def _is_deeper(value: Any, most: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    return most == 0 or any(_is_deeper(item, most - 1) for item in (value.values() if isinstance(value, dict) else value))


@contextmanager
def _limited_size(tensors: dict[str, Tensor]) -> Iterator[None]:
    """Raise UsageError as soon as a model is built within that is much larger than `tensors`, those of its checkpoint."""
    parameters = len(tensors) + MAX_EXTRA_TENSORS
    values = sum(tensor.numel() for tensor in tensors.values()) + MAX_EXTRA_VALUES

    def count(_module: nn.Module, _name: str, parameter: nn.Parameter | None) -> None:
        nonlocal parameters, values
        if parameter is not None:
            parameters, values = parameters - 1, values - parameter.numel()
            if min(parameters, values) < 0:
                raise UsageError(f"model: is far larger than the weights that the file holds; {REMEDY}")

    handle = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        handle.remove()


def _by_network(model: Restorer, tensors: dict[str, Tensor]) -> Iterator[tuple[nn.Module, dict[str, Tensor]]]:
    """The networks that restore, each with its part of `tensors`."""
    for part in model.restoring_modules:
        prefix = f"{part}."
        own = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
        yield model.get_submodule(part), own


def _fill(model: Restorer, tensors: dict[str, Tensor], path: Path) -> None:
    """Copy `tensors` of a checkpoint into the networks that restore."""
    for part, own in _by_network(model, tensors):
        load_weights(part, own, path)


def with_restoring_parameters(spec: Spec, changes: Spec, where: str) -> Spec:
    """Return `spec` with `changes` of restoring parameters. Raises UsageError for any other parameter."""
    allowed = family(spec["name"], where).restoring_parameters
    for key in changes:
        if key not in allowed:
            can = f"only {', '.join(allowed)} can" if allowed else "nothing of it can"
            raise UsageError(f"{where}: {key}: model '{spec['name']}' was trained with it; {can} be changed afterwards")
    return MODELS.resolve({**spec, **changes}, where)
