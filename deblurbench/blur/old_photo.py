"""The degradation of old prints: fading, film grain, scratches and dust, and scans of low resolution."""

from __future__ import annotations

from typing import Annotated

import cv2
import numpy as np
import torch
from annotated_types import Ge, Gt, Le

from deblurbench.blur.base import Light
from deblurbench.blur.camera import Camera, Level, Probability, Quality
from deblurbench.blur.light import linear_to_srgb, srgb_to_linear
from deblurbench.registry import CAMERAS, NonNegativeFloat

YELLOWED = np.array([0.02, 0.10, 0.28], np.float32)  # of white, lost in a fully faded print
VEIL = 0.25  # the value of black in a fully faded print
GRAIN_SIZE = 0.7  # standard deviation of a grain, pixels
SPECK_RADIUS = 0.6, 3.5  # pixels
MAX_SCRATCH_LENGTH = 0.5  # of the longer side


@CAMERAS.register("old-photo")
class OldPhoto(Camera):
    """A blurred photograph on film, faded, grainy, scratched and dusty, then scanned by the sensor that `Camera` describes.

    `fading` (1: black is grey and white yellow) and `grain` (standard deviation at mid-grey) are maxima; the strengths are
    drawn for each photograph. `scratches` and specks of `dust` are mean numbers per megapixel. Scans resolve a fraction of the
    pixels a side, drawn between `resolution` and 1, and are enlarged. Fading, grain, scratches with dust, and low resolution
    are each there with `ageing_probability`. The sharp side stays clean, so that a model learns to remove all of it.
    """

    def __init__(
        self,
        *,
        fading: Annotated[float, Ge(0), Le(1)] = 0.6,
        grain: NonNegativeFloat = 0.06,
        scratches: NonNegativeFloat = 15.0,
        dust: NonNegativeFloat = 30.0,
        resolution: Annotated[float, Gt(0), Le(1)] = 0.5,
        ageing_probability: Probability = 1.0,
        highlights: Annotated[float, Ge(1)] = 1.0,
        shot_noise: Level = 0.01,
        read_noise: Level = 0.002,
        noise_probability: Probability = 1.0,
        correlated_noise: Probability = 0.0,
        jpeg: tuple[Quality, Quality] | None = None,
        jpeg_probability: Probability = 1.0,
    ) -> None:
        super().__init__(
            highlights=highlights, shot_noise=shot_noise, read_noise=read_noise, noise_probability=noise_probability,
            correlated_noise=correlated_noise, jpeg=jpeg, jpeg_probability=jpeg_probability,
        )  # fmt: skip
        self.fading, self.grain, self.scratches, self.dust = fading, grain, scratches, dust
        self.resolution, self.ageing_probability = resolution, ageing_probability

    def develop(self, exposed: Light, generator: np.random.Generator) -> Light:
        """The light from the aged print; fading and grain are applied to sRGB values, which are perceptually uniform."""
        values = linear_to_srgb(torch.from_numpy(exposed).clamp(0, 1)).numpy()
        fades, is_grainy, is_scratched, is_small = self._ageing(generator)
        fading, grain = generator.uniform(size=2) * (fades * self.fading, is_grainy * self.grain)
        values = fading * VEIL + values * (1 - fading * (VEIL + YELLOWED))
        noise = cv2.GaussianBlur(generator.standard_normal(values.shape[:2], dtype=np.float32), (0, 0), GRAIN_SIZE)
        noise *= grain / max(float(noise.std()), 1e-6)
        values += noise[..., None] * 2 * np.sqrt(np.clip(values * (1 - values), 0, None))  # strongest in the midtones
        for _ in range(generator.poisson(is_scratched * self.scratches * values[..., 0].size / 1e6)):
            _draw_scratch(values, generator)
        for _ in range(generator.poisson(is_scratched * self.dust * values[..., 0].size / 1e6)):
            _draw_speck(values, generator)
        values = _scanned(values, generator.uniform(self.resolution if is_small else 1, 1))
        return srgb_to_linear(torch.from_numpy(values).clamp(0, 1)).numpy()

    def _ageing(self, generator: np.random.Generator) -> list[bool]:
        """Which of the four kinds of ageing are there."""
        if self.ageing_probability == 1:
            return [True] * 4
        return [bool(is_there) for is_there in generator.uniform(size=4) < self.ageing_probability]


def _draw_scratch(values: Light, generator: np.random.Generator) -> None:
    """Draw a scratch into `values` (H, W, 3): a thin curve, mostly vertical and mostly light (no emulsion)."""
    height, width = values.shape[:2]
    points = 24
    length = generator.uniform(0.05, MAX_SCRATCH_LENGTH) * max(height, width)
    down = np.linspace(0, length, points) + generator.uniform(-length / 2, height - length / 2)
    across = generator.uniform(0, width) + np.cumsum(generator.normal(0, length / 80, points))
    path = np.stack([across, down], axis=1)
    mask = np.zeros((height, width), np.uint8)
    cv2.polylines(mask, [(path * 16).astype(np.int32)], False, 255, thickness=1, lineType=cv2.LINE_AA, shift=4)
    strength = mask[..., None] * np.float32(generator.uniform(0.3, 0.9) / 255)
    values += strength * ((1.0 if generator.uniform() < 0.8 else 0.0) - values)


def _draw_speck(values: Light, generator: np.random.Generator) -> None:
    """Draw a speck of dust into `values` (H, W, 3): an ellipse, white as on a negative or dark as on the glass of a scanner."""
    height, width = values.shape[:2]
    center = generator.uniform(0, width), generator.uniform(0, height)
    axes = generator.uniform(*SPECK_RADIUS, size=2)
    mask = np.zeros((height, width), np.uint8)
    fixed = [tuple(int(16 * number) for number in pair) for pair in (center, axes)]
    cv2.ellipse(mask, fixed[0], fixed[1], generator.uniform(0, 180), 0, 360, 255, -1, cv2.LINE_AA, shift=4)
    strength = mask[..., None] * np.float32(generator.uniform(0.4, 1.0) / 255)
    values += strength * ((1.0 if generator.uniform() < 0.7 else 0.0) - values)


def _scanned(values: Light, resolution: float) -> Light:
    """`values` (H, W, 3) as a scan shows them that resolves only so many pixels a side, enlarged to the same size."""
    height, width = values.shape[:2]
    size = max(round(width * resolution), 1), max(round(height * resolution), 1)
    if size == (width, height):
        return values
    small = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
