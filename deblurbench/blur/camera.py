"""The camera around a blur kernel: light is convolved, not the gamma-encoded values of a file."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from deblurbench.blur.kernels import Blur, Kernel
from deblurbench.images.cropping import window
from deblurbench.images.photo import Pixels
from deblurbench.registry import CAMERAS, NonNegativeFloat

ENCODING_STEPS = 1 << 14  # of the table from light to 8-bit values: its coarsest step is a fifth of an 8-bit one


@CAMERAS.register("sensor")
class Camera:
    """Blurs in linear light, adds sensor noise, encodes and rounds to the depth of the input.

    The noise of a pixel with light x in [0, 1] is Gaussian with variance `shot_noise`^2 x + `read_noise`^2 (Foi et al.
    2008); both are standard deviations at full light and at none.
    """

    def __init__(self, *, shot_noise: NonNegativeFloat = 0.01, read_noise: NonNegativeFloat = 0.002) -> None:
        self.shot_noise, self.read_noise = shot_noise, read_noise

    def photograph(self, sharp: Pixels, kernel: Kernel, generator: np.random.Generator) -> Pixels:
        """`sharp` (H, W, 3) through `kernel` -> the valid region (H - 2 radius, W - 2 radius, 3), of the same type."""
        light = _decoding_table(sharp.dtype)[sharp]
        radius = kernel.shape[0] // 2
        # filter2D correlates; a convolution turns the kernel by half a turn.
        blurred = cv2.filter2D(light, cv2.CV_32F, kernel[::-1, ::-1], borderType=cv2.BORDER_REFLECT_101)
        blurred = blurred[radius : -radius or None, radius : -radius or None]
        if self.shot_noise or self.read_noise:
            variance = self.shot_noise**2 * np.maximum(blurred, 0) + self.read_noise**2
            blurred = blurred + np.sqrt(variance) * generator.standard_normal(blurred.shape, dtype=np.float32)
        return _encoded(np.clip(blurred, 0, 1), sharp.dtype)


def blur_whole(sharp: Pixels, blur: Blur, camera: Camera, generator: np.random.Generator) -> Pixels:
    """`sharp` (H, W, 3) blurred at its full size; beyond its borders it is mirrored."""
    padded = window(sharp, -blur.radius, -blur.radius, sharp.shape[0] + 2 * blur.radius, sharp.shape[1] + 2 * blur.radius)
    return camera.photograph(padded, blur.kernel(generator), generator)


def srgb_to_linear(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """sRGB values in [0, 1] -> linear light in [0, 1] (IEC 61966-2-1)."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(light: NDArray[np.floating]) -> NDArray[np.floating]:
    """Linear light in [0, 1] -> sRGB values in [0, 1]."""
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 0) ** (1 / 2.4) - 0.055)


@cache
def _decoding_table(dtype: np.dtype[np.unsignedinteger]) -> NDArray[np.float32]:
    """The light of every integer value of `dtype`."""
    largest = np.iinfo(dtype).max
    return srgb_to_linear(np.arange(largest + 1) / largest).astype(np.float32)


@cache
def _encoding_table() -> NDArray[np.uint8]:
    light = np.arange(ENCODING_STEPS) / (ENCODING_STEPS - 1)
    return np.round(linear_to_srgb(light) * 255).astype(np.uint8)


def _encoded(light: NDArray[np.float32], dtype: np.dtype[np.unsignedinteger]) -> Pixels:
    if dtype == np.uint8:  # a table, because powers would take most of the time of a training sample
        return _encoding_table()[(light * (ENCODING_STEPS - 1) + 0.5).astype(np.uint16)]
    return np.round(linear_to_srgb(light) * np.iinfo(dtype).max).astype(np.uint16)
