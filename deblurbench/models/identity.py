"""Doing nothing: what every deblurrer has to beat."""

from __future__ import annotations

from torch import Tensor

from deblurbench.models.base import Restoring
from deblurbench.models.untrained import Untrained
from deblurbench.registry import MODELS


@MODELS.register("identity")
class Identity(Untrained):
    """Returns the blurred image as it is. It owns no parameters and is not trained."""

    def _restore(self, blurred: Tensor, how: Restoring) -> Tensor:
        return blurred
