"""Other tones for training patches, so that models do not learn by heart how bright and colourful their photographs are."""

from __future__ import annotations

import numpy as np

from deblurbench.images.photo import Pixels

CHANNEL_SHARE = 1 / 3  # of the range of exponents, by which channels differ from each other


def with_other_tones(pixels: Pixels, most: float, random: np.random.Generator) -> Pixels:
    """`pixels` (H, W, 3), of uint8 or uint16, raised to powers e^x of channels of their own; black and white stay.

    x is the sum of one draw for all channels from [-`most`, `most`], and one for each from a third of that range.
    """
    exponents = np.exp(random.uniform(-most, most) + CHANNEL_SHARE * random.uniform(-most, most, size=3))
    white = np.iinfo(pixels.dtype).max
    table = np.linspace(0, 1, white + 1)[:, None] ** exponents  # (values, 3)
    values = np.rint(white * table).astype(pixels.dtype)
    return np.stack([values[pixels[..., channel], channel] for channel in range(3)], axis=2)
