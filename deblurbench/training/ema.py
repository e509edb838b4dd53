"""The exponential moving average of weights."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from deblurbench.models.base import Model


class ExponentialMovingAverage:
    """A copy of the restoring modules that are trained: parameters are averaged, buffers copied.

    The decay grows as (1 + n) / (10 + n) up to `decay`, so that the first weights do not dominate a short training.
    """

    def __init__(self, model: Model, decay: float) -> None:
        self.decay = decay
        trained = {id(value) for values in model.trained_parameters().values() for value in values}
        self._names = [
            name
            for name in model.restoring_modules
            if any(id(value) in trained for value in model.get_submodule(name).parameters())
        ]
        # The names of nested modules have dots, which a ModuleDict does not allow.
        self.modules = nn.ModuleDict({_key(name): copy.deepcopy(model.get_submodule(name)) for name in self._names})
        self.modules.requires_grad_(False)
        # Collected once: for networks with many layers that takes longer than the average on a GPU.
        self._averaged: list[Tensor] = list(self.modules.parameters())
        self._current: list[Tensor] = [value for name in self._names for value in model.get_submodule(name).parameters()]
        self._buffered = [name for name in self._names if any(True for _ in model.get_submodule(name).buffers())]

    @torch.no_grad()
    def update(self, model: Model, step: int) -> None:
        """Update the average with the weights after `step`."""
        weight = 1 - min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self._averaged, self._current, weight)
        for name in self._buffered:
            for averaged, current in zip(self.modules[_key(name)].buffers(), model.get_submodule(name).buffers(), strict=True):
                averaged.copy_(current)

    @contextmanager
    def in_place_of(self, model: Model) -> Iterator[None]:
        """Replace the modules of `model` by the averaged ones for the length of a `with` block."""
        originals = {name: model.get_submodule(name) for name in self._names}
        try:
            for name in self._names:
                model.set_submodule(name, self.modules[_key(name)])
            yield
        finally:
            for name, original in originals.items():
                model.set_submodule(name, original)


def _key(name: str) -> str:
    return name.replace(".", "/")
