from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def small(photo: np.ndarray) -> np.ndarray:
    return photo[100:140, 200:264]  # (40, 64, 3): not square, so that a turn shows
