"""Base classes of metrics, and checks of their inputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor

HIGHER, LOWER, ZERO = "↑", "↓", "→0"  # which scores are better
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


class Metric(ABC):
    """A full-reference metric; `metric(restored, sharp)`: (B, C, H, W) twice, in [0, 1] -> (B,) float64."""

    label: ClassVar[str]  # the heading of its column, with the unit
    explanation: ClassVar[str] = ""  # one sentence for those who do not know it
    direction: ClassVar[str] = ""  # HIGHER, LOWER or ZERO; of a metric that does not say, by its `best`
    decimals: ClassVar[int]
    best: ClassVar[float]  # the score of identical images; the further from it, the worse
    smallest_side: ClassVar[int] = 1  # pixels; smaller images are refused

    def prepare(self) -> None:  # noqa: B027 - most metrics need nothing
        """Load pretrained weights, before any work begins. Raises UsageError if they are not available."""

    @abstractmethod
    def __call__(self, restored: Tensor, sharp: Tensor) -> Tensor: ...

    def goodness(self, value: float) -> float:
        """Return `value` oriented so that higher is better."""
        return value if self.best == float("inf") else -abs(value - self.best)

    def require_size(self, images: Tensor) -> None:
        """Raise ValueError for images with a side below `smallest_side`."""
        height, width = images.shape[-2:]
        if min(height, width) < self.smallest_side:
            least = f"{self.smallest_side}x{self.smallest_side}"
            raise ValueError(f"{self.label} needs images of at least {least} pixels, not {width}x{height}")


class SharedMetric(Metric):
    """A metric reduced from an intermediate result that others share: a recipe with several of them computes it once."""

    @staticmethod
    @abstractmethod
    def intermediate(restored: Tensor, sharp: Tensor) -> Any:
        """Compute the shared result of (B, C, H, W) twice."""

    @abstractmethod
    def reduce(self, intermediate: Any) -> Tensor:
        """Reduce the shared result to (B,) float64."""

    def __call__(self, restored: Tensor, sharp: Tensor) -> Tensor:
        self.require_size(sharp)
        return self.reduce(self.intermediate(restored, sharp))


def require_same_size(restored: Tensor, sharp: Tensor) -> None:
    """Raise ValueError if the shapes of two batches differ."""
    if restored.shape != sharp.shape:
        raise ValueError(f"the images differ in size: {tuple(restored.shape)} and {tuple(sharp.shape)}")


def require_pair(restored: Tensor, sharp: Tensor) -> tuple[Tensor, Tensor]:
    """Return both as float64. Raises ValueError if their shapes differ."""
    require_same_size(restored, sharp)
    return restored.to(torch.float64), sharp.to(torch.float64)


def luma(images: Tensor) -> Tensor:
    """Return BT.601 luma: (B, 3 or 1, H, W) -> (B, 1, H, W)."""
    if images.shape[1] == 1:
        return images
    weights = torch.tensor(LUMA, dtype=images.dtype, device=images.device)
    return (images * weights.view(1, -1, 1, 1)).sum(dim=1, keepdim=True)
