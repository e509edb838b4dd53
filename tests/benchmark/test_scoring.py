from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deblurbench.benchmark.scoring import require_scorable, write_truth
from deblurbench.data.dataset import PairedImages
from deblurbench.data.table import TEST
from deblurbench.images.reading import read_photo
from deblurbench.metrics.recipe import find_recipe


def test_the_truth_is_looked_at_without_blurring_it(
    sharp_photos: PairedImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a large test set, blurring every photograph only to learn its size would take minutes."""
    monkeypatch.setattr("deblurbench.data.dataset.blur_whole", lambda *_: pytest.fail("blurred for nothing"))
    require_scorable(sharp_photos, find_recipe("deblurbench"))
    write_truth(sharp_photos, tmp_path)
    for item in sharp_photos.items(TEST):
        written = read_photo(tmp_path / f"{item.entry.key}.png").pixels
        assert np.array_equal(written, sharp_photos.sharp(item))
