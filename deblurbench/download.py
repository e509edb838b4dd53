"""Trained weights that torchvision offers."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from deblurbench.errors import UsageError, one_line
from deblurbench.files import file_hash


def fetch_weights(weights: Any, what: str, instead: str) -> dict[str, Tensor]:
    """The state of torchvision's `weights`, from its cache or (checked by hash) its server; nothing in it is run.

    Raises UsageError, which names `what` needs them and what can be had `instead`, where they cannot be fetched.
    """
    try:
        state: dict[str, Tensor] = weights.get_state_dict(progress=True, check_hash=True, weights_only=True)
    except Exception as error:  # urllib, ssl, socket and a wrong hash each raise their own
        folder = f"{torch.hub.get_dir()}/checkpoints"
        raise UsageError(
            f"{what}: its weights could not be fetched ({one_line(error)}); "
            f"put {_file_name(weights)} into {folder}, or use {instead}"
        ) from error
    return state


def read_weights(path: Path, weights: Any, what: str) -> dict[str, Tensor]:
    """The state of torchvision's `weights` in the file `path`, loaded without running anything in it.

    Raises UsageError, which names `what` needs them, unless it is the published file by its hash: only then is a score that
    of the literature.
    """
    name = _file_name(weights)
    try:
        found = file_hash(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); {what} needs {name}") from error
    if not found.startswith(name.removesuffix(".pth").rsplit("-", 1)[-1]):
        raise UsageError(f"{path}: is not {name} as torchvision publishes it, which {what} needs ({weights.url})")
    try:
        state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UsageError(f"{path}: holds more than weights, and is not loaded") from error
    return state


@contextmanager
def in_place_of_fetched(state: dict[str, Tensor], weights: Any) -> Iterator[None]:
    """Within it, torchvision finds `state` where it looks for its `weights`, and fetches nothing.

    For networks that other packages build and that fetch their weights themselves. The state is written anew, because
    torchvision loads whatever it finds.
    """
    before = torch.hub.get_dir()
    with _scratch_folder(Path(before)) as folder:
        checkpoints = Path(folder) / "checkpoints"
        checkpoints.mkdir()
        torch.save(state, checkpoints / _file_name(weights))
        torch.hub.set_dir(folder)
        try:
            yield
        finally:
            torch.hub.set_dir(before)


def _scratch_folder(cache: Path) -> TemporaryDirectory[str]:
    """A folder in torch's cache, or wherever the system has room for one where that cannot be written to."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        return TemporaryDirectory(dir=cache)
    except OSError:
        return TemporaryDirectory()


def _file_name(weights: Any) -> str:
    return str(weights.url.rsplit("/", 1)[-1])
