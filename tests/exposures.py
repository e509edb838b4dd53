"""Photographs as another exposure would see them: moved, and really blurred."""

from __future__ import annotations

import cv2
import numpy as np

from deblurbench.blur.camera import Camera, blur_image
from deblurbench.blur.kernels import Motion
from deblurbench.randomness import generator


def shaken(photo: np.ndarray, key: int = 0) -> np.ndarray:
    return blur_image(photo, Motion(length=(4.0, 8.0)), Camera(), generator(key))[0]


def moved(photo: np.ndarray, matrix: list[list[float]]) -> np.ndarray:
    """The photograph as another exposure would see it: point (x, y) of the result is `matrix` (x, y) of `photo`."""
    size = (photo.shape[1], photo.shape[0])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpPerspective(photo, np.array(matrix, float), size, flags=flags, borderMode=cv2.BORDER_REFLECT_101)
