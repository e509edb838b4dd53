"""Scores from their definitions: slow, in numpy and scikit-image alone, and written without looking at the package."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

Image = NDArray[np.uint8]  # (H, W, 3)
GAUSSIAN = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}


def deblurbench(restored: Image, sharp: Image) -> tuple[float, float]:
    return (
        peak_signal_noise_ratio(sharp, restored),
        structural_similarity(sharp, restored, channel_axis=2, data_range=255, **GAUSSIAN),
    )


def skimage_default(restored: Image, sharp: Image) -> tuple[float, float]:
    return peak_signal_noise_ratio(sharp, restored), structural_similarity(sharp, restored, channel_axis=2)


def floating(restored: NDArray[np.float64], sharp: NDArray[np.float64]) -> tuple[float, float]:
    return (
        peak_signal_noise_ratio(sharp, restored, data_range=1),
        structural_similarity(sharp, restored, channel_axis=2, data_range=1, **GAUSSIAN),
    )


def basicsr_y(restored: Image, sharp: Image) -> tuple[float, float]:
    first, second = (16 + image.astype(np.float64) @ np.array([65.481, 128.553, 24.966]) / 255 for image in (restored, sharp))
    return (
        10 * math.log10(255**2 / np.mean((first - second) ** 2)),
        structural_similarity(second, first, data_range=255, **GAUSSIAN),
    )


def gopro_matlab(restored: Image, sharp: Image) -> tuple[float, float]:
    """MATLAB's `psnr` and `ssim` of RGB images: the latter filters the volume with all 1,331 weights, one shift after another."""
    offsets = np.arange(-5, 6)
    bell = np.exp(-(offsets**2) / (2 * 1.5**2))
    weights = bell[:, None, None] * bell[None, :, None] * bell[None, None, :]
    weights /= weights.sum()

    def blurred(volume: NDArray[np.float64]) -> NDArray[np.float64]:
        padded = np.pad(volume, 5, mode="edge")
        total = np.zeros_like(volume)
        height, width, depth = volume.shape
        for row in range(11):
            for column in range(11):
                for channel in range(11):
                    part = padded[row : row + height, column : column + width, channel : channel + depth]
                    total += weights[row, column, channel] * part
        return total

    x, y = restored.astype(np.float64), sharp.astype(np.float64)
    mean_x, mean_y = blurred(x), blurred(y)
    variance_x, variance_y = blurred(x * x) - mean_x**2, blurred(y * y) - mean_y**2
    covariance = blurred(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    numerator = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    similarity = numerator / ((mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2))
    return 10 * math.log10(255**2 / np.mean((x - y) ** 2)), float(similarity.mean())


def realblur(restored: Image, sharp: Image) -> tuple[float, float]:
    """Rim et al. 2020: intensity matched, registered by ECC, then PSNR and SSIM where the warped image has pixels."""
    x, z = (image.astype(np.float32) / 255 for image in (sharp, restored))
    z = z * np.float32((x * z).sum(dtype=np.float64) / (z * z).sum(dtype=np.float64))
    grey_x, grey_z = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (x, z))
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 100, 0)
    warp = cv2.findTransformECC(grey_x, grey_z, np.eye(3, dtype=np.float32), cv2.MOTION_HOMOGRAPHY, criteria, None, 5)[1]
    size = x.shape[1::-1]
    z = cv2.warpPerspective(z, warp, size, flags=cv2.INTER_CUBIC + cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT)
    seen = cv2.warpPerspective(np.ones_like(x), warp, size, flags=cv2.INTER_NEAREST + cv2.WARP_INVERSE_MAP, borderValue=0)
    z, x = z * seen, x * seen
    error = np.sum((x - z).astype(np.float64) ** 2) / seen.sum(dtype=np.float64)
    _, similarity = structural_similarity(
        x.astype(np.float64), z.astype(np.float64), channel_axis=2, data_range=1, full=True, **GAUSSIAN
    )
    inner = (slice(5, -5), slice(5, -5))
    channels = (similarity * seen)[inner].sum((0, 1)) / seen[inner].sum((0, 1), dtype=np.float64)
    return 10 * math.log10(1 / error), float(channels.mean())


def ms_ssim(restored: Image, sharp: Image) -> float:
    """Wang et al. 2003, from scikit-image's means: each channel by itself, half the size by averaging 2x2 pixels."""
    weights = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
    scores = []
    for channel in range(3):
        x, y = (image[..., channel].astype(np.float64) / 255 for image in (restored, sharp))
        product = 1.0
        for scale, weight in enumerate(weights):
            full, contrast = _ssim_parts(x, y)
            product *= max(full if scale == 4 else contrast, 0) ** weight
            x, y = (_halved(image) for image in (x, y))
        scores.append(product)
    return float(np.mean(scores))


def _ssim_parts(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    def mean(image: NDArray[np.float64]) -> NDArray[np.float64]:
        bell = np.exp(-(np.arange(-5, 6) ** 2) / 4.5)
        bell /= bell.sum()
        rows = np.apply_along_axis(lambda line: np.convolve(line, bell, "valid"), 0, image)
        return np.apply_along_axis(lambda line: np.convolve(line, bell, "valid"), 1, rows)

    mean_x, mean_y = mean(x), mean(y)
    covariance = mean(x * y) - mean_x * mean_y
    variances = mean(x * x) - mean_x**2 + mean(y * y) - mean_y**2
    contrast = (2 * covariance + 0.0009) / (variances + 0.0009)
    luminance = (2 * mean_x * mean_y + 0.0001) / (mean_x**2 + mean_y**2 + 0.0001)
    return float((luminance * contrast).mean()), float(contrast.mean())


def _halved(image: NDArray[np.float64]) -> NDArray[np.float64]:
    even = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
    return (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4


def gmsd(x: Image, y: Image) -> float:
    """Xue et al. 2014 from its definition, in [0, 255], one pixel after another."""

    def magnitude(image: Image) -> NDArray[np.float64]:
        small = _halved(image.astype(np.float64) @ np.array([0.299, 0.587, 0.114]))
        padded = np.pad(small, 1)
        result = np.zeros_like(small)
        for row in range(small.shape[0]):
            for column in range(small.shape[1]):
                around = padded[row : row + 3, column : column + 3]
                horizontal = (around[:, 0].sum() - around[:, 2].sum()) / 3
                vertical = (around[0].sum() - around[2].sum()) / 3
                result[row, column] = math.hypot(horizontal, vertical)
        return result

    first, second = magnitude(x), magnitude(y)
    similarity = (2 * first * second + 170) / (first**2 + second**2 + 170)
    return float(np.sqrt(np.mean((similarity - similarity.mean()) ** 2)))


def spectra(restored: Image, sharp: Image) -> tuple[float, float]:
    """Radial power-spectrum error and high-frequency energy, each in dB, over the whole plane, frequency after frequency."""
    height, width = sharp.shape[:2]
    window = np.outer(np.hanning(height), np.hanning(width))
    floor = (1 / 255) ** 2 / 12
    powers = []
    for image in (restored, sharp):
        grey = image.astype(np.float64) / 255 @ np.array([0.299, 0.587, 0.114])
        powers.append(np.abs(np.fft.fft2((grey - grey.mean()) * window)) ** 2 / (window**2).sum() + floor)
    rings = np.zeros((2, 32))
    fine = np.zeros(2)
    for row, vertical in enumerate(np.fft.fftfreq(height)):
        for column, horizontal in enumerate(np.fft.fftfreq(width)):
            frequency = math.hypot(vertical, horizontal)
            if frequency > 0.5:
                continue
            for which in range(2):
                rings[which, min(int(frequency * 64), 31)] += powers[which][row, column]
                fine[which] += powers[which][row, column] * (frequency >= 0.25)
    rings = rings[:, rings[1] > 0]
    return float(np.abs(10 * np.log10(rings[0] / rings[1])).mean()), float(10 * np.log10(fine[0] / fine[1]))
