"""What blurs are: drawn at random within their parameters, then laid over a photograph's light."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Protocol

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from deblurbench.blur.convolution import convolve

Light = NDArray[np.float32]
Kernel = NDArray[np.float32]
Extent = Annotated[float, Interval(gt=0, le=256)]  # pixels; kernels grow with its square, and take gigabytes beyond
Range = tuple[Extent, Extent]
Parameters = dict[str, str | float]


class DrawnBlur(Protocol):
    """One blur, its parameters drawn."""

    @property
    def parameters(self) -> Parameters:
        """Its `kind`, and the lengths of that kind in pixels."""
        ...

    @property
    def radius(self) -> int:
        """How far light travels at most, in pixels."""
        ...

    @property
    def kernel(self) -> Kernel | None:
        """What every pixel is spread to, None where that changes over the picture."""
        ...

    def expose(self, light: Light) -> Light:
        """Blur `light` (H + 2 radius, W + 2 radius, C) -> (H, W, C)."""
        ...


class Blur(ABC):
    """A kind of blur; `has_kernel` says whether it is the same at every pixel of a picture."""

    has_kernel: bool = False

    @abstractmethod
    def draw(self, generator: np.random.Generator) -> DrawnBlur:
        """Draw the parameters of one blur from `generator`."""


@dataclass(frozen=True, eq=False)
class DrawnKernel:
    """The same blur at every pixel: `kernel` is (2 radius + 1, 2 radius + 1), sums to one, and is centred on its centroid."""

    kernel: Kernel
    parameters: Parameters

    @property
    def radius(self) -> int:
        """The radius of the kernel."""
        return int(self.kernel.shape[0]) // 2

    def expose(self, light: Light) -> Light:
        return light if self.radius == 0 else convolve(light, self.kernel)


class KernelBlur(Blur):
    """A blur that is the same at every pixel."""

    has_kernel = True

    @abstractmethod
    def draw(self, generator: np.random.Generator) -> DrawnKernel:
        """Draw a kernel and its parameters from `generator`."""

    def kernel(self, generator: np.random.Generator) -> Kernel:
        """Draw a kernel, without its parameters."""
        return self.draw(generator).kernel


def spread(kernel: Kernel) -> float:
    """The root mean square distance of a kernel's weight from its centre, in pixels: a strength that all kinds have."""
    squares = offsets(kernel.shape[0] // 2) ** 2
    return float(np.sqrt((kernel * (squares[:, None] + squares)).sum()))


def offsets(radius: int) -> NDArray[np.int_]:
    """The distances -radius, ..., radius of a kernel's columns from its centre."""
    return np.arange(-radius, radius + 1)


def require_ascending(name: str, bounds: tuple[float, float]) -> tuple[float, float]:
    """`bounds` = (lowest, highest). Raises ValueError where they are not."""
    if bounds[0] > bounds[1]:
        raise ValueError(f"{name} is [lowest, highest], not [{bounds[0]}, {bounds[1]}]")
    return bounds
