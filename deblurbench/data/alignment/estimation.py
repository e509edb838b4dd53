"""Estimating the displacement between the sides of a pair: separate exposures are tens of pixels apart."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from deblurbench.images.photo import Pixels

# Two images count as aligned up to this displacement, since an asymmetric blur alone may be estimated as so much.
TOLERANCE_PIXELS, TOLERANCE_FRACTION = 4.0, 0.005  # whichever is larger: pixels, or a fraction of the longer side
LEVELS = (96, 192, 384, 768)  # longer side, pixels, at which the images are matched, coarse to fine
SMOOTHING = 11  # pixels: the Gaussian window of ECC, which makes both sides about equally smooth
BAND = (0.015, 0.08)  # of the longer side: standard deviations of the band-pass filter before the correlation
MIN_CORRELATION = 0.3  # of the band-passed images; less is no match
MAX_SCALE, MAX_DISPLACEMENT = 1.35, 0.3  # factor, and fraction of the longer side; more is no match
MIN_SIDE = 64  # pixels of the shorter side: smaller images match by chance
STOPPING = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 60, 1e-5)


@dataclass(frozen=True)
class Alignment:
    """The map from the blurred image to the sharp one.

    `matrix` (3, 3) maps (x, y, 1) of the blurred image to the sharp one; `displacement` is the largest of
    a corner, in pixels; `scale` is that of the sharp image relative to the blurred one; `correlation` is that of the
    band-passed images once they are aligned.
    """

    matrix: NDArray[np.float64]
    displacement: float
    scale: float
    correlation: float
    is_aligned: bool


def is_measurable(image: Pixels) -> bool:
    """Whether an image is large enough for its alignment to be estimated."""
    return min(image.shape[:2]) >= MIN_SIDE


def align(blurred: Pixels, sharp: Pixels, *, homography: bool = False) -> Alignment | None:
    """Estimate the affine map or homography between two images (H, W, 3) of one size; None where they do not match.

    Phase correlation (Kuglin & Hines 1975) gives the initial translation, ECC maximisation (Evangelidis & Psarakis 2008)
    the map, coarse to fine. It is a match if the band-passed images correlate, and better than without the map.
    """
    height, width = blurred.shape[:2]
    shrink = min(LEVELS[-1] / max(height, width), 1.0)
    found = _estimate(blurred, sharp, homography)
    blurred_detail, sharp_detail = (_band_pass(_luma(image, shrink)) for image in (blurred, sharp))
    fits = {}
    for matrix in (np.eye(3), found):
        if matrix is not None:
            alignment = _alignment(matrix, 0.0, width, height)
            if max(alignment.scale, 1 / max(alignment.scale, 1e-6)) > MAX_SCALE:
                continue
            if alignment.displacement > MAX_DISPLACEMENT * max(height, width):
                continue
            resize = np.diag([shrink, shrink, 1.0])
            scaled = resize @ matrix @ np.linalg.inv(resize)
            fits[_correlation_at(blurred_detail, sharp_detail, scaled)] = matrix
    correlation = max(fits)
    return _alignment(fits[correlation], correlation, width, height) if correlation >= MIN_CORRELATION else None


def _estimate(blurred: Pixels, sharp: Pixels, homography: bool) -> NDArray[np.float64] | None:
    """Estimate the map in full-size pixels, from the coarsest level to the finest; None where ECC does not converge."""
    longer = max(blurred.shape[:2])
    matrix, previous = np.eye(3), 0.0
    for level in LEVELS:
        shrink = min(level / longer, 1.0)
        if shrink == previous:
            break
        sides = [_luma(image, shrink) for image in (blurred, sharp)]
        if not previous:
            matrix = _initial_translation(sides[0], sides[1])
        resize = np.diag([shrink / previous, shrink / previous, 1.0]) if previous else np.eye(3)
        matrix = resize @ matrix @ np.linalg.inv(resize)
        is_finest = level == LEVELS[-1] or shrink == 1.0
        try:
            matrix = _refine_by_ecc(sides[0], sides[1], matrix, homography=homography and is_finest)
        except cv2.error:
            return None
        previous = shrink
    full = np.diag([1 / previous, 1 / previous, 1.0])
    return full @ matrix @ np.linalg.inv(full)


def _luma(image: Pixels, shrink: float) -> NDArray[np.float32]:
    """(H, W, 3) -> luma (H, W) float32 in [0, 1], downsampled by averaging."""
    height, width = (max(round(side * shrink), 8) for side in image.shape[:2])
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small.astype(np.float32) / np.iinfo(image.dtype).max, cv2.COLOR_RGB2GRAY), np.float32)


def _initial_translation(blurred: NDArray[np.float32], sharp: NDArray[np.float32]) -> NDArray[np.float64]:
    """The translation by phase correlation, if the images correlate better with it than without."""
    height, width = blurred.shape
    (dx, dy), _ = cv2.phaseCorrelate(blurred, sharp, cv2.createHanningWindow((width, height), cv2.CV_32F))
    shifted = np.array([[1, 0, dx], [0, 1, dy], [0, 0, 1]], np.float64)
    fits = [_correlation_at(blurred, sharp, matrix) for matrix in (np.eye(3), shifted)]
    return shifted if fits[1] > fits[0] else np.eye(3)


def _band_pass(luma: NDArray[np.float32]) -> NDArray[np.float32]:
    """Band-pass filter (H, W): detail between noise and shading, in which wrong counterparts do not correlate."""
    fine, coarse = (max(part * max(luma.shape), least) for part, least in zip(BAND, (0.8, 3.0), strict=True))
    return np.asarray(cv2.GaussianBlur(luma, (0, 0), fine) - cv2.GaussianBlur(luma, (0, 0), coarse), np.float32)


def _correlation_at(blurred: NDArray[np.float32], sharp: NDArray[np.float32], matrix: NDArray[np.float64]) -> float:
    """The correlation of `blurred` and `sharp` warped by `matrix` where they overlap; 0 where one of them is constant."""
    height, width = blurred.shape
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = np.asarray(cv2.warpPerspective(sharp, matrix, (width, height), flags=flags, borderValue=np.nan))
    inside = np.isfinite(warped)
    if inside.sum() < blurred.size // 4 or min(warped[inside].std(), blurred[inside].std()) < 1e-4:
        return 0.0
    return float(np.corrcoef(warped[inside], blurred[inside])[0, 1])


def _refine_by_ecc(
    blurred: NDArray[np.float32], sharp: NDArray[np.float32], matrix: NDArray[np.float64], *, homography: bool
) -> NDArray[np.float64]:
    """Maximise ECC from `matrix` on. Raises cv2.error where it does not converge."""
    smoothing = min(SMOOTHING, min(blurred.shape) // 4 * 2 + 1)
    motion, rows = (cv2.MOTION_HOMOGRAPHY, 3) if homography else (cv2.MOTION_AFFINE, 2)
    start = matrix[:rows].astype(np.float32)
    found = cv2.findTransformECC(blurred, sharp, start, motion, STOPPING, np.ones_like(blurred, np.uint8), smoothing)[1]
    refined = np.asarray(found, np.float64)
    return refined if homography else np.vstack([refined, [0, 0, 1]])  # (2, 3) -> (3, 3)


def _alignment(matrix: NDArray[np.float64], correlation: float, width: int, height: int) -> Alignment:
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], np.float64).T
    moved = matrix @ corners
    displacement = float(np.hypot(*(moved[:2] / moved[2] - corners[:2])).max())
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    is_aligned = displacement <= max(TOLERANCE_PIXELS, TOLERANCE_FRACTION * max(width, height))
    return Alignment(matrix, displacement, scale, correlation, is_aligned)
