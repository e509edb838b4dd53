"""Convolution by the discrete Fourier transform, whose cost does not depend on the size of the kernel."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def convolve(image: NDArray[np.float32], kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Convolve `image` (H, W, C) with a kernel (2r + 1, 2r + 1) -> the valid region (H - 2r, W - 2r, C).

    The circular wrap-around of the transform affects only what is cropped off; float32 keeps 6 digits.
    """
    margin = kernel.shape[0] - 1
    height, width, channels = image.shape
    padded = np.zeros((cv2.getOptimalDFTSize(height), cv2.getOptimalDFTSize(width)), np.float32)
    padded[: margin + 1, : margin + 1] = kernel
    response = cv2.dft(padded)
    padded[: margin + 1, : margin + 1] = 0
    result = np.empty((height - margin, width - margin, channels), np.float32)
    for channel in range(channels):
        padded[:height, :width] = image[..., channel]
        product = cv2.mulSpectrums(cv2.dft(padded), response, 0)
        whole = cv2.dft(product, flags=cv2.DFT_INVERSE | cv2.DFT_SCALE | cv2.DFT_REAL_OUTPUT)
        result[..., channel] = whole[margin:height, margin:width]
    return result
