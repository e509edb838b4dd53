"""Batches, as a GPU gets them; whole commands are in tests/apps/test_evaluate.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from deblurbench.metrics.recipe import find_recipe
from deblurbench.scoring import image_folders as folders
from deblurbench.scoring.image_folders import evaluate_pairs


@pytest.mark.parametrize("batch", [2, 8])
def test_a_batch_scores_as_its_images_do_and_blames_the_right_one(
    batch: int, photo: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for side, shift in (("restored", 1), ("sharp", 0)):
        (tmp_path / side).mkdir()
        for number in range(5):
            part = photo[20 * number : 20 * number + 60, 100 + shift : 180 + shift + 4 * (number % 2)]  # of two sizes
            Image.fromarray(part).save(tmp_path / side / f"{number}.png")
        Image.fromarray(np.full((60, 80, 3), 90 + 9 * shift, np.uint8)).save(tmp_path / side / "dull.png")
    recipes = [find_recipe(name) for name in ("deblurbench", "realblur")]
    alone = evaluate_pairs(tmp_path / "restored", tmp_path / "sharp", recipes, torch.device("cpu"))
    in_batches = folders._in_batches
    monkeypatch.setattr(folders, "_in_batches", lambda pairs, device: in_batches(pairs, torch.device("cuda"), batch))
    together = evaluate_pairs(tmp_path / "restored", tmp_path / "sharp", recipes, torch.device("cpu"))
    assert [row["image"] for row in together.rows] == [row["image"] for row in alone.rows] == ["0", "1", "2", "3", "4", "dull"]
    for one, other in zip(alone.rows, together.rows, strict=True):
        assert list(one) == list(other)
        assert [other[key] for key in one if key != "image"] == pytest.approx(
            [one[key] for key in one if key != "image"], rel=1e-9
        )
    assert together.failed == alone.failed
    assert len(alone.failed) == 1
    assert "dull.png: cannot be registered" in alone.failed[0]
