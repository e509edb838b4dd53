"""Doing nothing: what every deblurrer has to beat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import torch
from torch import Tensor

from deblurbench.data.batch import Batch
from deblurbench.models.base import Model, Turn
from deblurbench.registry import MODELS


@MODELS.register("identity")
class Identity(Model):
    """Returns the blurred image as it is. It owns no parameters and is not trained."""

    restoring_modules: ClassVar[tuple[str, ...]] = ()

    def losses(self, batch: Batch, step: int) -> Iterator[Turn]:
        yield from ()

    def _restore(self, blurred: Tensor, generator: torch.Generator, tile: int | None) -> Tensor:
        return blurred
