"""Camera roll: blur that grows with the distance from the centre of rotation."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np

from deblurbench.blur.base import Blur, DrawnBlur, Kernel, Light, Parameters, Range, require_ascending
from deblurbench.registry import BLURS

BEYOND = 0.5  # how far outside of the picture the centre may lie, as a fraction of its sides
POSITIONS_PER_PIXEL = 2  # of the longest arc


@BLURS.register("rotation")
class Rotation(Blur):
    """The camera turns about a random point while the shutter is open (roll; Whyte et al. 2010, their z axis).

    The arc at the corner that lies farthest from that point has a length drawn uniformly from `length` = [shortest, longest],
    in pixels.
    """

    def __init__(self, *, length: Range = (5.0, 20.0)) -> None:
        self.length = require_ascending("length", length)

    def draw(self, generator: np.random.Generator) -> DrawnBlur:
        center = generator.uniform(-BEYOND, 1 + BEYOND, size=2)
        return DrawnRotation(generator.uniform(*self.length), (float(center[0]), float(center[1])))


@dataclass(frozen=True, eq=False)
class DrawnRotation:
    """A rotation with an arc of `length` pixels at the farthest corner, about `center` (x, y) as fractions of the sides."""

    length: float
    center: tuple[float, float]
    kernel: Kernel | None = field(default=None, init=False)

    @property
    def parameters(self) -> Parameters:
        """The kind and the length."""
        return {"kind": "rotation", "length": self.length}

    @property
    def radius(self) -> int:
        """Half the arc, and the reach of cubic interpolation."""
        return math.ceil(self.length / 2) + 2

    def expose(self, light: Light) -> Light:
        margin = self.radius
        height, width = light.shape[0] - 2 * margin, light.shape[1] - 2 * margin
        x, y = self.center[0] * (width - 1), self.center[1] * (height - 1)
        farthest = math.hypot(max(x, width - 1 - x), max(y, height - 1 - y))
        angle = math.degrees(self.length / max(farthest, 1.0))
        positions = math.ceil(POSITIONS_PER_PIXEL * self.length) + 1
        total = np.zeros_like(light)
        for turn in np.linspace(-angle / 2, angle / 2, positions):
            turned = cv2.getRotationMatrix2D((x + margin, y + margin), turn, 1.0)
            total += cv2.warpAffine(
                light, turned, (light.shape[1], light.shape[0]), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
            ).reshape(light.shape)  # OpenCV drops the axis of one channel
        total /= positions
        return total[margin : margin + height, margin : margin + width]
