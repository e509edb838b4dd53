"""sRGB values <-> linear light."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deblurbench.images.photo import Pixels

ENCODING_STEPS = 1 << 14  # entries of the table from light to 8-bit values: its coarsest step is a fifth of an 8-bit one


def srgb_to_linear(values: Tensor) -> Tensor:
    """sRGB values in [0, 1] -> linear light in [0, 1] (IEC 61966-2-1)."""
    return torch.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(light: Tensor) -> Tensor:
    """Linear light in [0, 1] -> sRGB values in [0, 1]."""
    return torch.where(light <= 0.0031308, light * 12.92, 1.055 * light.clamp(min=0) ** (1 / 2.4) - 0.055)


def decode(pixels: Pixels) -> NDArray[np.float32]:
    """Integer pixels of any shape -> linear light in [0, 1]."""
    table = _decoding_table(pixels.dtype)
    return np.asarray(cv2.LUT(pixels, table), np.float32) if pixels.dtype == np.uint8 else table[pixels]


def encode(light: NDArray[np.float32], dtype: np.dtype[np.unsignedinteger]) -> Pixels:
    """Linear light in [0, 1] -> integer pixels of `dtype`, rounded."""
    if dtype == np.uint8:  # a table, because powers would take most of the time of a training sample
        return _encoding_table()[(light * (ENCODING_STEPS - 1) + 0.5).astype(np.uint16)]
    return np.round(linear_to_srgb(torch.from_numpy(light)).numpy() * np.iinfo(dtype).max).astype(np.uint16)


@cache
def _decoding_table(dtype: np.dtype[np.unsignedinteger]) -> NDArray[np.float32]:
    """The linear light of every integer value of `dtype`."""
    largest = np.iinfo(dtype).max
    return srgb_to_linear(torch.arange(largest + 1, dtype=torch.float64) / largest).numpy().astype(np.float32)


@cache
def _encoding_table() -> NDArray[np.uint8]:
    light = torch.arange(ENCODING_STEPS, dtype=torch.float64) / (ENCODING_STEPS - 1)
    return np.round(linear_to_srgb(light).numpy() * 255).astype(np.uint8)
