"""Two layers, near and far, each with its own blur: depths out of focus, or an object that moves."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from deblurbench.blur.base import Blur, DrawnBlur, DrawnKernel, Kernel, KernelBlur, Light, Parameters
from deblurbench.registry import BLURS, BlurSpec

AREA = 0.2, 0.6  # of the picture that the near layer covers
OUTLINE = 5  # points a side of the random field whose level set is the outline of the near layer
SOFTNESS = 0.8  # of the outline: the standard deviation of its antialiasing in pixels


@BLURS.register("two-layers")
class TwoLayers(Blur):
    """A near layer of random outline in front of a far one, blurred by `near` and `far`.

    Two depths of field are two disks; an object that moves is `motion` before `none`. The light of the near layer spreads over
    the far one, and covers it only partly there (alpha compositing), as it does before a lens or in a long exposure.
    """

    def __init__(self, *, near: BlurSpec = "disk", far: BlurSpec = "none") -> None:
        self.near: KernelBlur = _with_kernel(near, "near")
        self.far: KernelBlur = _with_kernel(far, "far")

    def draw(self, generator: np.random.Generator) -> DrawnBlur:
        near, far = self.near.draw(generator), self.far.draw(generator)
        outline = generator.standard_normal((OUTLINE, OUTLINE), dtype=np.float32)
        return DrawnLayers(near, far, outline, generator.uniform(*AREA))


def _with_kernel(spec: BlurSpec, where: str) -> KernelBlur:
    blur = BLURS.build(spec, where)
    if not isinstance(blur, KernelBlur):
        raise ValueError(f"{where}: give one blur that is the same at every pixel: gaussian, disk, motion or none")
    return blur


@dataclass(frozen=True, eq=False)
class DrawnLayers:
    """The blurs of both layers, the random field (OUTLINE, OUTLINE) of the outline, and the area of the near layer."""

    near: DrawnKernel
    far: DrawnKernel
    outline: NDArray[np.float32]
    area: float
    kernel: Kernel | None = field(default=None, init=False)

    @property
    def parameters(self) -> Parameters:
        """The kind, and the kinds of both layers."""
        return {"kind": "two-layers", "near": self.near.parameters["kind"], "far": self.far.parameters["kind"]}

    @property
    def radius(self) -> int:
        """The larger of both radii."""
        return max(self.near.radius, self.far.radius)

    def expose(self, light: Light) -> Light:
        mask = self._mask(light.shape[0], light.shape[1])
        near = self._spread(self.near, np.concatenate([light * mask, mask], axis=2))  # (H, W, C + 1)
        far = self._spread(self.far, _completed(light, mask, max(self.radius, 1)))
        return near[..., :-1] + (1 - near[..., -1:]) * far

    def _mask(self, height: int, width: int) -> Light:
        """The near layer's opacity (height, width, 1)."""
        field = cv2.resize(self.outline, (width, height), interpolation=cv2.INTER_CUBIC)
        inside = (field > np.quantile(field, 1 - self.area)).astype(np.float32)
        return cv2.GaussianBlur(inside, (0, 0), SOFTNESS)[..., None]

    def _spread(self, blur: DrawnKernel, light: Light) -> Light:
        """Blur `light`, which has the margin of both layers, -> (H, W, C)."""
        extra = self.radius - blur.radius
        return blur.expose(light[extra : light.shape[0] - extra, extra : light.shape[1] - extra])


def _completed(light: Light, mask: Light, reach: int) -> Light:
    """`light` with what the near layer hides filled from around it, as far as a blur of `reach` pixels can bring it to view."""
    visible = 1 - mask
    filled = cv2.GaussianBlur(light * visible, (0, 0), reach).reshape(light.shape)  # OpenCV drops the axis of one channel
    weight = cv2.GaussianBlur(visible, (0, 0), reach)[..., None]
    return np.asarray(light * visible + mask * filled / np.maximum(weight, 1e-3), np.float32)
