"""Trained weights that torchvision offers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from deblurbench.errors import UsageError, one_line


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
            f"put {weights.url.rsplit('/', 1)[-1]} into {folder}, or use {instead}"
        ) from error
    return state
