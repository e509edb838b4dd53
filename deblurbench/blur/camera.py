"""The camera around a blur kernel: light is convolved, not the gamma-encoded values of a file."""

from __future__ import annotations

from functools import cache
from typing import Annotated

import cv2
import numpy as np
import torch
from annotated_types import Ge, Le
from numpy.typing import NDArray

from deblurbench.blur.convolution import convolve
from deblurbench.blur.kernels import Blur, DrawnKernel, Kernel
from deblurbench.blur.light import decode, encode
from deblurbench.images.cropping import window
from deblurbench.images.photo import Pixels
from deblurbench.registry import CAMERAS, NonNegativeFloat

BLUR_VERSION = 1  # raised whenever the same blur and camera with the same key would give another image
Light = NDArray[np.float32]
Quality = Annotated[int, Ge(1), Le(100)]
CLIPPING_THRESHOLD = 0.9  # light above which a pixel of a file may have been clipped, and brighter in truth
JPEG_BLOCK = 8


@CAMERAS.register("sensor")
class Camera:
    """Blurs in linear light, lets highlights saturate, adds sensor noise, encodes, rounds to the input's depth, and compresses.

    Light that the file clipped was up to `highlights` times as bright (drawn for each photograph), so that points of
    light become the bright streaks of real blur; what exceeds full light after blurring is clipped again.
    The noise of a pixel with light x in [0, 1] is Gaussian with variance `shot_noise`^2 x + `read_noise`^2 (Foi et al.
    2008); both are standard deviations, at full light and in the dark. `jpeg` = [lowest, highest] is the range of qualities.
    """

    def __init__(
        self,
        *,
        highlights: Annotated[float, Ge(1)] = 1.0,
        shot_noise: NonNegativeFloat = 0.01,
        read_noise: NonNegativeFloat = 0.002,
        jpeg: tuple[Quality, Quality] | None = None,
    ) -> None:
        if jpeg is not None and jpeg[0] > jpeg[1]:
            raise ValueError(f"jpeg is [lowest, highest], not [{jpeg[0]}, {jpeg[1]}]")
        self.highlights, self.shot_noise, self.read_noise, self.jpeg = highlights, shot_noise, read_noise, jpeg

    def photograph(self, sharp: Pixels, kernel: Kernel, generator: np.random.Generator) -> Pixels:
        """Blur `sharp` (H, W, 3) and add noise -> the valid region (H - 2 radius, W - 2 radius, 3), of the same dtype."""
        light = decode(sharp)
        if self.highlights > 1:
            excess = generator.uniform(0, self.highlights - 1)
            light *= 1 + np.float32(excess) * np.clip((light - CLIPPING_THRESHOLD) / (1 - CLIPPING_THRESHOLD), 0, 1)
        exposed = self.develop(np.clip(convolve(light, kernel), 0, 1), generator)
        if self.shot_noise or self.read_noise:
            deviation = np.sqrt(self.shot_noise**2 * exposed + self.read_noise**2)
            exposed = np.clip(exposed + deviation * _standard_normal(exposed.shape, generator), 0, 1)
        pixels = encode(exposed, sharp.dtype)
        return (
            pixels
            if self.jpeg is None
            else _compress_jpeg(pixels, int(generator.integers(*self.jpeg, endpoint=True)), generator)
        )

    def develop(self, exposed: Light, generator: np.random.Generator) -> Light:
        """The blurred light as it reaches the sensor, (H, W, 3) in [0, 1]; subclasses change it."""
        return exposed


def blur_image(sharp: Pixels, blur: Blur, camera: Camera, generator: np.random.Generator) -> tuple[Pixels, DrawnKernel]:
    """Blur all of `sharp` (H, W, 3), padded by reflection. Returns the image (H, W, 3) and the kernel that was drawn."""
    drawn, radius = blur.draw(generator), blur.radius
    padded = window(sharp, -radius, -radius, sharp.shape[0] + 2 * radius, sharp.shape[1] + 2 * radius)
    return camera.photograph(padded, drawn.kernel, generator), drawn


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


@cache
def _quantiles() -> Light:
    return torch.special.ndtri((torch.arange(1 << 16, dtype=torch.float64) + 0.5) / (1 << 16)).numpy().astype(np.float32)
