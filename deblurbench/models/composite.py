"""Restorers that are composed of several restorers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from deblurbench.models.base import Restorer
from deblurbench.registry import MODELS, ModelSpec


class Composite(Restorer):
    """A restorer composed of restorers, in the attribute that `part` names; each restores with its own parameters."""

    part: str

    def _build_parts(self, specs: Sequence[ModelSpec]) -> None:
        """Build the restorers of `specs`. Raises ValueError for fewer than two."""
        if len(specs) < 2:
            raise ValueError(f"{self.part}: give at least two models")
        restorers = [MODELS.build(spec, f"{self.part}[{index}]") for index, spec in enumerate(specs)]
        setattr(self, self.part, nn.ModuleList(restorers))
        self.restoring_modules = tuple(
            f"{self.part}.{index}.{name}" for index, restorer in enumerate(restorers) for name in restorer.restoring_modules
        )

    def restorers(self) -> list[Restorer]:
        """Its restorers, in their order."""
        return [restorer for restorer in getattr(self, self.part) if isinstance(restorer, Restorer)]

    def weight_files(self) -> tuple[Path, ...]:
        return tuple(path for restorer in self.restorers() for path in restorer.weight_files())

    @property
    def _evaluations_per_pass(self) -> int:
        return sum(restorer.evaluations for restorer in self.restorers())

    @property
    def is_oracle(self) -> bool:
        return any(restorer.is_oracle for restorer in self.restorers())

    @property
    def inference(self) -> str:
        return "; ".join(dict.fromkeys(restorer.inference for restorer in self.restorers() if restorer.inference))

    @property
    def method(self) -> str:
        return " + ".join(filter(None, (restorer.method for restorer in self.restorers())))
