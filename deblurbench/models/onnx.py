"""ONNX: any network in an ONNX file, whoever made it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from deblurbench.errors import DeblurbenchError
from deblurbench.models.base import Restorer
from deblurbench.models.restoration import RestorationContext
from deblurbench.models.windows import call_network
from deblurbench.registry import MODELS, PositiveInt
from deblurbench.runtimes.onnx_network import OnnxNetwork, open_onnx


@MODELS.register("onnx")
class Onnx(Restorer):
    """Restores with the network in `file`, by ONNX Runtime on the CPU.

    Of a network that deblurbench exported, the file says all; of another, say what its sides must be multiples of (`multiple`),
    whether its output is to be added to its input (`residual`), and its `value_range` = [black, white].
    """

    def __init__(
        self,
        *,
        file: str,
        multiple: PositiveInt | None = None,
        residual: bool | None = None,
        value_range: tuple[float, float] | None = None,
    ) -> None:
        super().__init__()
        self._file = Path(file).expanduser()
        known = {"multiple": multiple, "is_residual": residual, "value_range": value_range}
        self._known = {key: value for key, value in known.items() if value is not None}
        if value_range is not None and not value_range[0] < value_range[1]:
            raise ValueError(f"value_range is [black, white], not {list(value_range)}")
        self._opened: list[_Callable] = []  # once it has restored; a list, so that it is no part of this module

    def _restore(self, blurred: Tensor, context: RestorationContext) -> Tensor:
        if blurred.is_meta:  # costs are counted, without values
            return blurred
        if not self._opened:
            self._opened.append(
                _Callable(self._file, open_onnx(self._file, threads=torch.get_num_threads(), known=self._known))
            )
        output = call_network(self._opened[0], blurred, context=context)
        return blurred + output if self._opened[0].onnx.is_residual else output

    def __getstate__(self) -> dict[str, Any]:
        """Without the opened network, which belongs to this process."""
        return {**self.__dict__, "_opened": []}

    @property
    def method(self) -> str:
        return f"ONNX {self._file.name}"

    @property
    def sees_whole_image(self) -> bool:
        return True  # as far as anybody knows

    def weight_files(self) -> tuple[Path, ...]:
        return (self._file,)


class _Callable(nn.Module):
    """An ONNX network as a module: tensors in, tensors out."""

    def __init__(self, file: Path, onnx: OnnxNetwork) -> None:
        super().__init__()
        self.file, self.onnx, self.multiple, self.tile_context = file, onnx, onnx.multiple, onnx.tile_context

    def forward(self, image: Tensor) -> Tensor:
        restored = torch.cat([torch.from_numpy(self.onnx(one[None].cpu().contiguous().numpy())) for one in image])
        if restored.shape != image.shape:
            raise DeblurbenchError(
                f"{self.file}: makes {list(restored.shape)} of {list(image.shape)}; give a network that keeps the size"
            )
        return restored.to(image.device)
