"""Identity: the baseline that every deblurrer has to beat."""

from __future__ import annotations

from torch import Tensor

from deblurbench.models.base import Restorer
from deblurbench.models.restoration import RestorationContext
from deblurbench.registry import MODELS


@MODELS.register("identity")
class Identity(Restorer):
    """Returns the blurred image unchanged."""

    def _restore(self, blurred: Tensor, context: RestorationContext) -> Tensor:
        return blurred
