"""Classical: deblurring without learning."""

from __future__ import annotations

from torch import Tensor

from deblurbench.classical.base import Method
from deblurbench.models.base import Restorer
from deblurbench.models.restoration import RestorationContext
from deblurbench.registry import CLASSICAL, MODELS, ClassicalSpec


@MODELS.register("classical")
class Classical(Restorer):
    """Any classical method. One that is given the true blur kernel is an oracle, and says so."""

    def __init__(self, *, method: ClassicalSpec) -> None:
        super().__init__()
        self._method: Method = CLASSICAL.build(method)

    def _restore(self, blurred: Tensor, context: RestorationContext) -> Tensor:
        return self._method(blurred, context.kernel)

    @property
    def is_oracle(self) -> bool:
        return self._method.is_oracle

    @property
    def method(self) -> str:
        return CLASSICAL.name_of(self._method)

    @property
    def inference(self) -> str:
        return "oracle: told the true kernel" if self.is_oracle else ""
