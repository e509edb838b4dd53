"""Trained weights that torchvision offers."""

from __future__ import annotations

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
    """The state of torchvision's `weights`, checked by hash, from its cache or its server.

    Raises UsageError, which names `what` needs them and what can be had `instead`, where they cannot be fetched.
    """
    try:
        state: dict[str, Tensor] = weights.get_state_dict(progress=True, check_hash=True)
    except Exception as error:  # urllib, ssl, socket and a wrong hash each raise their own
        folder = f"{torch.hub.get_dir()}/checkpoints"
        raise UsageError(
            f"{what}: its weights could not be fetched ({one_line(error)}); "
            f"put {_file_name(weights)} into {folder}, or use {instead}"
        ) from error
    return state


@contextmanager
def in_place_of_fetched(path: Path, weights: Any, what: str) -> Iterator[None]:
    """Within it, torchvision finds its `weights` in the file `path`, and fetches nothing.

    Raises UsageError, which names `what` needs them, unless the file is the published one by its hash: only then is it
    safe to load, and a score that of the literature.
    """
    name = _file_name(weights)
    try:
        found = file_hash(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); {what} needs {name}") from error
    if not found.startswith(name.removesuffix(".pth").rsplit("-", 1)[-1]):
        raise UsageError(f"{path}: is not {name} as torchvision publishes it, which {what} needs ({weights.url})")
    before = torch.hub.get_dir()
    with TemporaryDirectory() as folder:
        checkpoints = Path(folder) / "checkpoints"
        checkpoints.mkdir()
        (checkpoints / name).symlink_to(path.resolve())
        torch.hub.set_dir(folder)
        try:
            yield
        finally:
            torch.hub.set_dir(before)


def _file_name(weights: Any) -> str:
    return str(weights.url.rsplit("/", 1)[-1])
