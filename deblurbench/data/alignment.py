"""How far a blurred photograph lies from its sharp twin: separate exposures are tens of pixels apart."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from deblurbench.images.photo import Pixels

# Up to here two images count as aligned: blur alone, being seldom symmetric, may seem to displace by so much.
TOLERANCE_PIXELS, TOLERANCE_PART = 4.0, 0.005  # whichever is larger: pixels, or a part of the longer side
LEVELS = (96, 192, 384, 768)  # longer side, pixels, at which the images are matched, coarse to fine
SMOOTHING = 11  # pixels: the window that makes both sides about as smooth as one another
LEAST_CORRELATION = 0.4  # below this, what was found is no match
STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 60, 1e-5)


@dataclass(frozen=True)
class Alignment:
    """Where points of the blurred image lie in the sharp one.

    `matrix` (3, 3) maps (x, y, 1) of the blurred image to the sharp one; `displacement` is the farthest that it moves a
    corner, in pixels; `scale` the size of the sharp image's content relative to the blurred one's;
    `correlation` that of both once they are aligned.
    """

    matrix: NDArray[np.float64]
    displacement: float
    scale: float
    correlation: float
    is_aligned: bool


def align(blurred: Pixels, sharp: Pixels, *, homography: bool = False) -> Alignment | None:
    """The affine map or homography between two images (H, W, 3) of the same size; None where no match was found.

    Phase correlation (Kuglin & Hines 1975) finds the first shift, ECC maximisation (Evangelidis & Psarakis 2008) the map,
    coarse to fine.
    """
    height, width = blurred.shape[:2]
    matrix = np.eye(3)
    previous = 0.0
    correlation = -1.0
    for level in LEVELS:
        shrink = min(level / max(height, width), 1.0)
        if shrink == previous:
            break
        small_blurred, small_sharp = (_luma(image, shrink) for image in (blurred, sharp))
        if not previous:
            matrix = _first_shift(small_blurred, small_sharp)
        resize = np.diag([shrink / previous, shrink / previous, 1.0]) if previous else np.eye(3)
        matrix = resize @ matrix @ np.linalg.inv(resize)
        is_finest = level == LEVELS[-1] or shrink == 1.0
        try:
            correlation, matrix = _refine(small_blurred, small_sharp, matrix, homography=homography and is_finest)
        except cv2.error:  # it did not converge
            return None
        previous = shrink
    if correlation < LEAST_CORRELATION:
        return None
    full = np.diag([1 / previous, 1 / previous, 1.0])
    return _described(full @ matrix @ np.linalg.inv(full), correlation, width, height)


def _luma(image: Pixels, shrink: float) -> NDArray[np.float32]:
    """(H, W) float32 in [0, 1], shrunk by averaging."""
    height, width = (max(round(side * shrink), 8) for side in image.shape[:2])
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small.astype(np.float32) / np.iinfo(image.dtype).max, cv2.COLOR_RGB2GRAY)  # type: ignore[return-value]


def _first_shift(blurred: NDArray[np.float32], sharp: NDArray[np.float32]) -> NDArray[np.float64]:
    """A translation, if it explains the images better than none does."""
    height, width = blurred.shape
    (dx, dy), _ = cv2.phaseCorrelate(blurred, sharp, cv2.createHanningWindow((width, height), cv2.CV_32F))
    shifted = np.array([[1, 0, dx], [0, 1, dy], [0, 0, 1]], np.float64)
    fits = [_similarity(blurred, sharp, matrix) for matrix in (np.eye(3), shifted)]
    return shifted if fits[1] > fits[0] else np.eye(3)


def _similarity(blurred: NDArray[np.float32], sharp: NDArray[np.float32], matrix: NDArray[np.float64]) -> float:
    height, width = blurred.shape
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpPerspective(sharp, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    with np.errstate(invalid="ignore"):
        return float(np.nan_to_num(np.corrcoef(moved.ravel(), blurred.ravel())[0, 1]))


def _refine(
    blurred: NDArray[np.float32], sharp: NDArray[np.float32], matrix: NDArray[np.float64], *, homography: bool
) -> tuple[float, NDArray[np.float64]]:
    """ECC from `matrix` on. Returns the correlation and the better matrix. Raises cv2.error where it does not converge."""
    smoothing = min(SMOOTHING, min(blurred.shape) // 4 * 2 + 1)
    motion, rows = (cv2.MOTION_HOMOGRAPHY, 3) if homography else (cv2.MOTION_AFFINE, 2)
    start = matrix[:rows].astype(np.float32)
    correlation, found = cv2.findTransformECC(blurred, sharp, start, motion, STOP, np.ones_like(blurred, np.uint8), smoothing)
    whole = np.asarray(found, np.float64)
    return correlation, whole if homography else np.vstack([whole, [0, 0, 1]])


def _described(matrix: NDArray[np.float64], correlation: float, width: int, height: int) -> Alignment:
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], np.float64).T
    moved = matrix @ corners
    displacement = float(np.hypot(*(moved[:2] / moved[2] - corners[:2])).max())
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    is_aligned = displacement <= max(TOLERANCE_PIXELS, TOLERANCE_PART * max(width, height))
    return Alignment(matrix, displacement, scale, correlation, is_aligned)
