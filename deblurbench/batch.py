"""A training batch."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """Blurred and sharp images, each (B, 3, H, W) float32 in [0, 1], on the device that trains."""

    blurred: Tensor
    sharp: Tensor
