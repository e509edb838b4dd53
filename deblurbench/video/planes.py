"""The change of a frame in RGB, added to its luma and chroma planes: what was not changed stays the same bit by bit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

# Red's and blue's part of luma by FFmpeg's number of the matrix; BT.601 where the file does not say (ITU-T H.273, table 4).
BT_601 = 0.299, 0.114
LUMA_WEIGHTS = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 7: (0.212, 0.087), 9: (0.2627, 0.0593), 10: (0.2627, 0.0593)}
FULL_RANGE = 2  # FFmpeg's number of it
LIMITED_LUMA, LIMITED_CHROMA = 219, 224  # of 255 steps


def add_change(frame: VideoFrame, change: NDArray[np.float32]) -> None:
    """Add `change` (H, W, 3), RGB in [-1, 1], to the planes of `frame`, planar YUV of any subsampling and bit depth."""
    bits = frame.format.components[0].bits
    is_full = int(frame.color_range) == FULL_RANGE or frame.format.name.startswith("yuvj")
    red, blue = LUMA_WEIGHTS.get(int(frame.colorspace), BT_601)
    luma = red * change[..., 0] + (1 - red - blue) * change[..., 1] + blue * change[..., 2]
    blue_difference = (change[..., 2] - luma) / (2 - 2 * blue)
    red_difference = (change[..., 0] - luma) / (2 - 2 * red)
    largest = (1 << bits) - 1
    luma_steps = largest if is_full else LIMITED_LUMA << (bits - 8)
    chroma_steps = largest if is_full else LIMITED_CHROMA << (bits - 8)
    for plane, part, steps in zip(
        frame.planes, (luma, blue_difference, red_difference), (luma_steps, chroma_steps, chroma_steps), strict=False
    ):
        _add(plane, part * steps, largest)


def _add(plane: Any, change: NDArray[np.float32], largest: int) -> None:
    """Add `change` (H, W), in steps of the plane's values, to a plane that may be smaller."""
    dtype = np.dtype(np.uint8 if largest <= 255 else "<u2")
    values: NDArray[Any] = np.frombuffer(plane, dtype).reshape(-1, plane.line_size // dtype.itemsize)
    visible = values[: plane.height, : plane.width]
    own: NDArray[Any] = change
    if change.shape != visible.shape:
        own = cv2.resize(change, (plane.width, plane.height), interpolation=cv2.INTER_AREA)
    visible[...] = np.clip(np.rint(visible + own), 0, largest)
