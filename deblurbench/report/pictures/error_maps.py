"""Error maps: how far each pixel is from the sharp picture."""

from __future__ import annotations

import numpy as np

from deblurbench.report.pictures.crops import Picture

SMALLEST_LIMIT, LIMIT_PERCENTILE = 8.0, 99  # of 255; of the errors of the blurred input


def error_map(restored: Picture, sharp: Picture, limit: float) -> Picture:
    """Return the absolute error of each pixel, averaged over channels: black for none, white for `limit` (of 255) and more."""
    import matplotlib

    error = np.abs(restored.astype(np.float64) - sharp).mean(axis=2) / limit  # (H, W)
    colors = matplotlib.colormaps["magma"](np.clip(error, 0, 1), bytes=True)  # (H, W, 4)
    return np.ascontiguousarray(colors[..., :3])


def error_limit(blurred: Picture, sharp: Picture) -> float:
    """Return the error, of 255, that error maps of an image show as white."""
    errors = np.abs(blurred.astype(np.float64) - sharp).mean(axis=2)
    return max(SMALLEST_LIMIT, float(np.percentile(errors, LIMIT_PERCENTILE)))
