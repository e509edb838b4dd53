"""Pretrained weights of torchvision."""

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
    """Return the state dict of torchvision's `weights`, from its cache or (verified by hash) its server, without running code.

    Raises UsageError, with `what` needs them and the alternative `instead`, where they cannot be fetched.
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
    """Read the state dict of torchvision's `weights` from the file `path`, without running code.

    Raises UsageError, with `what` needs them, unless the hash is that of the published file: only then are scores comparable
    with the literature.
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
    """Let torchvision find `state` in its cache as `weights` within the context, so that it fetches nothing.

    For networks of other packages, which load their weights themselves. The state is written to a file of its own, because
    torchvision does not verify the files of its cache.
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
    """Create a temporary folder in torch's cache, or in the system's where the cache is not writable."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        return TemporaryDirectory(dir=cache)
    except OSError:
        return TemporaryDirectory()


def _file_name(weights: Any) -> str:
    return str(weights.url.rsplit("/", 1)[-1])
