"""A mixture of blurs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deblurbench.blur.base import Blur, DrawnBlur
from deblurbench.registry import BLURS, BlurSpec, PositiveFloat


@BLURS.register("mixed")
class Mixed(Blur):
    """One of `kinds`, each with its own parameters, drawn uniformly or in proportion to `weights`."""

    def __init__(
        self,
        *,
        kinds: Sequence[BlurSpec] = ("gaussian", "disk", "motion"),
        weights: tuple[PositiveFloat, ...] | None = None,
    ) -> None:
        if not kinds:
            raise ValueError("kinds: give at least one blur")
        if weights is not None and len(weights) != len(kinds):
            raise ValueError(f"weights: give one for each of the {len(kinds)} kinds, not {len(weights)}")
        self.kinds: list[Blur] = [BLURS.build(kind, f"kinds[{index}]") for index, kind in enumerate(kinds)]
        self.has_kernel = all(kind.has_kernel for kind in self.kinds)
        self._shares = None if weights is None else np.cumsum(weights) / sum(weights)

    def draw(self, generator: np.random.Generator) -> DrawnBlur:
        if self._shares is None:
            number = int(generator.integers(len(self.kinds)))
        else:
            number = int(np.searchsorted(self._shares[:-1], generator.uniform(), side="right"))
        return self.kinds[number].draw(generator)
