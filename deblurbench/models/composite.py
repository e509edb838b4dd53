"""What is made of several models."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from deblurbench.models.base import Model
from deblurbench.registry import MODELS, ModelSpec


class Composite(Model):
    """A model made of models, which lie in the attribute `part`, and restore with their own parameters."""

    part: str

    def _take(self, specs: Sequence[ModelSpec]) -> None:
        """Build the models of `specs`. Raises ValueError for fewer than two."""
        if len(specs) < 2:
            raise ValueError(f"{self.part}: give at least two models")
        models = [MODELS.build(spec, f"{self.part}[{place}]") for place, spec in enumerate(specs)]
        setattr(self, self.part, nn.ModuleList(models))
        self.restoring_modules = tuple(
            f"{self.part}.{place}.{name}" for place, model in enumerate(models) for name in model.restoring_modules
        )

    def models(self) -> list[Model]:
        """Its models, in their order."""
        return [model for model in getattr(self, self.part) if isinstance(model, Model)]

    @property
    def is_oracle(self) -> bool:
        return any(model.is_oracle for model in self.models())

    @property
    def inference(self) -> str:
        return "; ".join(dict.fromkeys(model.inference for model in self.models() if model.inference))

    @property
    def method(self) -> str:
        return " + ".join(filter(None, (model.method for model in self.models())))
