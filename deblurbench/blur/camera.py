"""The camera around a blur kernel: light is convolved, not the gamma-encoded values of a file."""

from __future__ import annotations

from functools import cache
from typing import Annotated

import cv2
import numpy as np
import torch
from annotated_types import Ge, Interval, Le

from deblurbench.blur.base import Blur, DrawnBlur, Light, require_ascending
from deblurbench.blur.light import decode, encode
from deblurbench.images.cropping import window
from deblurbench.images.photo import Pixels
from deblurbench.registry import CAMERAS, NonNegativeFloat

BLUR_VERSION = 3  # raised whenever the same blur and camera with the same key would give another image
Quality = Annotated[int, Ge(1), Le(100)]
Level = NonNegativeFloat | tuple[NonNegativeFloat, NonNegativeFloat]
Probability = Annotated[float, Interval(ge=0, le=1)]
CLIPPING_THRESHOLD = 0.98  # light above which a pixel of a file may have been clipped, and brighter in truth
CORRELATION = 0.5, 1.0  # standard deviations in pixels
JPEG_BLOCK = 8


@CAMERAS.register("sensor")
class Camera:
    """Blurs in linear light, lets highlights saturate, adds sensor noise, encodes, rounds to the input's depth, and compresses.

    Light that the file clipped was up to `highlights` times as bright, so that points of light become the bright streaks of
    real blur: for each photograph `highlights` to the power of the square of a uniform number, which is mostly little.
    What exceeds full light after blurring and noise is clipped again.
    The noise of a pixel with light x is Gaussian with variance `shot_noise`^2 x + `read_noise`^2 (Foi et al. 2008); both are
    standard deviations, at full light and in the dark, or a range [lowest, highest] from which one is drawn uniformly for
    each photograph. With the probability `correlated_noise` it is filtered by a Gaussian of 0.5 to 1 pixels, at equal variance,
    as demosaicking and a camera's processing leave it. `jpeg` = [lowest, highest] is the range of qualities. Noise is added,
    and the picture compressed, with these probabilities.
    """

    def __init__(
        self,
        *,
        highlights: Annotated[float, Ge(1)] = 1.0,
        shot_noise: Level = 0.01,
        read_noise: Level = 0.002,
        noise_probability: Probability = 1.0,
        correlated_noise: Probability = 0.0,
        jpeg: tuple[Quality, Quality] | None = None,
        jpeg_probability: Probability = 1.0,
    ) -> None:
        if jpeg is not None:
            require_ascending("jpeg", jpeg)
        self.highlights, self.jpeg, self.jpeg_probability = highlights, jpeg, jpeg_probability
        self.shot_noise, self.read_noise = _as_range("shot_noise", shot_noise), _as_range("read_noise", read_noise)
        self.noise_probability, self.correlated_noise = noise_probability, correlated_noise

    def photograph(self, sharp: Pixels, blur: DrawnBlur, generator: np.random.Generator) -> Pixels:
        """Blur `sharp` (H + 2 radius, W + 2 radius, 3) and add noise -> (H, W, 3), of the same dtype."""
        light = decode(sharp)
        if self.highlights > 1:
            excess = self.highlights ** generator.uniform() ** 2 - 1
            light *= 1 + np.float32(excess) * np.clip((light - CLIPPING_THRESHOLD) / (1 - CLIPPING_THRESHOLD), 0, 1)
        exposed = self.develop(np.maximum(blur.expose(light), 0), generator)
        pixels = encode(np.clip(self._with_noise(exposed, generator), 0, 1), sharp.dtype)
        if self.jpeg is None or not _happens(self.jpeg_probability, generator):
            return pixels
        return _compress_jpeg(pixels, int(generator.integers(*self.jpeg, endpoint=True)), generator)

    def _with_noise(self, exposed: Light, generator: np.random.Generator) -> Light:
        if not _happens(self.noise_probability, generator):
            return exposed
        shot, read = (low if low == high else generator.uniform(low, high) for low, high in (self.shot_noise, self.read_noise))
        if not (shot or read):
            return exposed
        noise = _standard_normal(exposed.shape, generator)
        if self.correlated_noise and _happens(self.correlated_noise, generator):
            noise = _correlated(noise, generator.uniform(*CORRELATION))
        return np.asarray(exposed + np.sqrt(shot**2 * exposed + read**2) * noise)

    def develop(self, exposed: Light, generator: np.random.Generator) -> Light:
        """The blurred light as it reaches the sensor, (H, W, 3) from 0 on; subclasses change it."""
        return exposed


def blur_image(sharp: Pixels, blur: Blur, camera: Camera, generator: np.random.Generator) -> tuple[Pixels, DrawnBlur]:
    """Blur all of `sharp` (H, W, 3), padded by reflection. Returns the image (H, W, 3) and the blur that was drawn."""
    height, width = sharp.shape[:2]
    drawn = blur.draw(generator)
    around = window(sharp, -drawn.radius, -drawn.radius, height + 2 * drawn.radius, width + 2 * drawn.radius)
    return camera.photograph(around, drawn, generator), drawn


def _happens(probability: float, generator: np.random.Generator) -> bool:
    """Whether something of that probability happens this time; what is certain draws no number."""
    return probability == 1 or bool(generator.uniform() < probability)


def _as_range(name: str, level: Level) -> tuple[float, float]:
    return require_ascending(name, level) if isinstance(level, tuple | list) else (level, level)


def _compress_jpeg(pixels: Pixels, quality: int, generator: np.random.Generator) -> Pixels:
    """`pixels` after JPEG compression, on a grid of blocks with a random offset, as in a patch of a photograph."""
    top, left = (int(offset) for offset in generator.integers(JPEG_BLOCK, size=2))
    eight_bits = pixels if pixels.dtype == np.uint8 else (pixels // 257).astype(np.uint8)
    framed = cv2.copyMakeBorder(eight_bits, top, 0, left, 0, cv2.BORDER_REPLICATE)
    # OpenCV's order of channels is BGR.
    encoded = cv2.imencode(".jpg", framed[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    assert decoded is not None  # it was encoded a moment ago
    decoded = decoded[top:, left:, ::-1].astype(np.uint8, copy=False)
    return decoded if pixels.dtype == np.uint8 else decoded.astype(np.uint16) * 257


def _standard_normal(shape: tuple[int, ...], generator: np.random.Generator) -> Light:
    """Standard normal samples, quantized to 65,536 equally likely quantiles: four times as fast as exact ones."""
    return _quantiles()[generator.integers(1 << 16, size=shape, dtype=np.uint16)]


def _correlated(noise: Light, sigma: float) -> Light:
    """White `noise` (H, W, 3) filtered by a Gaussian, with the variance that it had."""
    taps = cv2.getGaussianKernel(7, sigma)
    return np.asarray(cv2.sepFilter2D(noise, -1, taps, taps) / np.float32((taps**2).sum()), np.float32)


@cache
def _quantiles() -> Light:
    return torch.special.ndtri((torch.arange(1 << 16, dtype=torch.float64) + 0.5) / (1 << 16)).numpy().astype(np.float32)
