"""Pictures drawn by code: the same for everybody, and like photographs in what restoration learns from."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from deblurbench.data.cache import PixelCache
from deblurbench.data.dead_leaves import DeadLeaves
from deblurbench.data.drawn_image import SIDE


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    return [DeadLeaves(number).pixels() for number in range(4)]


def test_a_number_is_a_picture(pictures: list[np.ndarray]) -> None:
    """Known to the digit, within the rounding of another machine: another number here is another benchmark."""
    assert all(picture.shape == (SIDE, SIDE, 3) and picture.dtype == np.uint8 for picture in pictures)
    assert [picture.mean() for picture in pictures] == pytest.approx([134.717, 141.174, 90.876, 136.855], abs=0.05)


def test_their_spectra_fall_as_those_of_photographs(pictures: list[np.ndarray], photo: np.ndarray) -> None:
    """Power falls as about 1 / f^2 (Field 1987)."""
    for picture in pictures:
        assert 1.2 < -slope(picture.mean(axis=2)) < 2.8
    assert 1.2 < -slope(photo[:300, :300].mean(axis=2)) < 2.8


def test_they_have_edges_and_smooth_places(pictures: list[np.ndarray]) -> None:
    """Differences of neighbours have the heavy tails of photographs (kurtosis well above a Gaussian's 3)."""
    for picture in pictures:
        steps = np.diff(picture.astype(float).mean(axis=2), axis=1).ravel()
        assert ((steps - steps.mean()) ** 4).mean() / steps.var() ** 2 > 6
    assert any((picture[..., 0] != picture[..., 1]).any() for picture in pictures)  # some are in colour
    assert any((picture[..., 0] == picture[..., 1]).all() for picture in pictures)  # and some are grey


def test_they_take_no_room_on_the_disk(tmp_path: Path) -> None:
    cache = PixelCache(tmp_path / "cache")
    stored = cache.add(DeadLeaves(0))
    assert np.array_equal(cache.pixels(stored), DeadLeaves(0).pixels())
    assert stored.file_digest != cache.add(DeadLeaves(1)).file_digest
    assert not (tmp_path / "cache").exists()


def slope(luma: np.ndarray) -> float:
    """The exponent of the power spectrum of (H, H), between 1/64 and 1/4 cycles a pixel."""
    side = len(luma)
    window = np.outer(*[np.hanning(side)] * 2)
    power = np.abs(np.fft.fft2((luma - luma.mean()) * window)) ** 2
    frequencies = np.hypot(*np.meshgrid(*[np.fft.fftfreq(side)] * 2))
    edges = np.geomspace(1 / 64, 1 / 4, 9)
    rings = [(frequencies >= low) & (frequencies < high) for low, high in itertools.pairwise(edges)]
    points = [(np.log(frequencies[ring].mean()), np.log(power[ring].mean())) for ring in rings]
    return float(np.polyfit(*zip(*points, strict=True), 1)[0])
