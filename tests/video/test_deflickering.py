"""Frames that stand still flicker less and come closer to the scene; what moves, fades or is cut is left as it was restored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from deblurbench.video.deflickering import Deflickered

HEIGHT, WIDTH = 240, 320
Frames = list[np.ndarray]


def sharpened(pixels: np.ndarray) -> np.ndarray:
    """A restorer that sharpens noise, too."""
    values, largest = pixels.astype(np.float32), np.iinfo(pixels.dtype).max
    return np.clip(np.rint(2 * values - cv2.GaussianBlur(values, (0, 0), 1.5)), 0, largest).astype(pixels.dtype)


@pytest.fixture
def scene(photo: np.ndarray) -> np.ndarray:
    """A photograph, larger than a frame, (H, W, 3) float32."""
    return np.tile(photo, (2, 2, 1)).astype(np.float32)


def filmed(view: Callable[[int], np.ndarray], count: int, noise: float = 2.0, dtype: Any = np.uint8) -> Frames:
    """Frames of what is seen at each time, a little out of focus and each with noise of its own."""
    random, scale = np.random.default_rng(0), np.iinfo(dtype).max / 255
    views = (cv2.GaussianBlur(view(number), (0, 0), 1.5)[:HEIGHT, :WIDTH] for number in range(count))
    noisy = [one + random.normal(0, noise, one.shape) for one in views]
    return [np.clip(np.rint(one * scale), 0, np.iinfo(dtype).max).astype(dtype) for one in noisy]


def flicker(frames: Frames) -> float:
    return float(np.sqrt((np.diff(np.stack(frames).astype(np.float64), axis=0) ** 2).mean()))


def psnr(frame: np.ndarray, sharp: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / ((frame.astype(np.float64) - sharp) ** 2).mean()))


def restored(frames: Frames) -> tuple[Frames, Frames]:
    """`frames` as they are restored alone, and deflickered."""
    deflickered = Deflickered(sharpened)
    return [sharpened(frame) for frame in frames], [deflickered(frame) for frame in frames]


@pytest.mark.parametrize("noise", [1.0, 2.0, 4.0])
def test_a_still_scene_flickers_less_than_it_did_before_and_comes_closer_to_the_truth(noise: float, scene: np.ndarray) -> None:
    frames = filmed(lambda _: scene, 8, noise)
    alone, deflickered = restored(frames)
    assert flicker(alone) > 1.5 * flicker(frames)
    assert flicker(deflickered[2:]) < min(0.5 * flicker(alone), flicker(frames))
    assert psnr(deflickered[-1], scene[:HEIGHT, :WIDTH]) > psnr(alone[-1], scene[:HEIGHT, :WIDTH]) + 0.1


def test_sixteen_bits_are_deflickered_alike(scene: np.ndarray) -> None:
    frames = filmed(lambda _: scene, 5, dtype=np.uint16)
    alone, deflickered = restored(frames)
    assert deflickered[-1].dtype == np.uint16
    assert flicker(deflickered[2:]) < 0.5 * flicker(alone)


def test_without_noise_nothing_changes(scene: np.ndarray) -> None:
    alone, deflickered = restored(filmed(lambda _: scene, 3, noise=0.0))
    assert np.array_equal(alone, deflickered)


def test_an_object_that_moves_stays_as_it_was_restored_with_what_is_around_it(scene: np.ndarray) -> None:
    textured = np.random.default_rng(1).uniform(0, 255, (60, 60, 3)).astype(np.float32)

    def view(number: int) -> np.ndarray:
        seen = scene.copy()
        seen[80:140, 40 + 4 * number : 100 + 4 * number] = textured
        return seen

    alone, deflickered = restored(filmed(view, 8))
    around = np.s_[73:147, 40 + 4 * 6 - 7 : 100 + 4 * 7 + 7]
    assert np.array_equal(alone[-1][around], deflickered[-1][around])
    assert (alone[-1] != deflickered[-1]).mean() > 0.3  # elsewhere


@pytest.mark.parametrize("kind", ["cut", "fade"])
def test_cuts_and_fades_are_left_alone(kind: str, scene: np.ndarray) -> None:
    def view(number: int) -> np.ndarray:
        if kind == "fade":
            return scene * (1 - number / 10)
        return scene if number < 3 else scene[::-1]

    alone, deflickered = restored(filmed(view, 8))
    changed = [number for number in range(8) if not np.array_equal(alone[number], deflickered[number])]
    assert changed == ([] if kind == "fade" else [1, 2, 4, 5, 6, 7])


@pytest.mark.parametrize("speed", [0.5, 1.0, 3.0, 8.0])
def test_a_camera_that_pans_loses_nothing(speed: float, scene: np.ndarray) -> None:
    def view(number: int) -> np.ndarray:
        move = np.array([[1, 0, -speed * number], [0, 1, 0]], np.float32)
        return cv2.warpAffine(scene, move, scene.shape[1::-1], flags=cv2.INTER_CUBIC)

    alone, deflickered = restored(filmed(view, 8))
    sharp = [view(number)[:HEIGHT, :WIDTH] for number in range(8)]
    scores = [np.mean([psnr(*pair) for pair in zip(frames, sharp, strict=True)]) for frames in (alone, deflickered)]
    assert scores[1] > scores[0] - 0.05
    if speed >= 1:  # by whole pixels, so that what stands still in the scene is blended
        assert (alone[-1] != deflickered[-1]).mean() > 0.5
        assert scores[1] > scores[0] + 0.05


def test_a_frame_of_another_size_begins_anew(scene: np.ndarray) -> None:
    frames = filmed(lambda _: scene, 2)
    frames[1] = frames[1][:100, :90]
    alone, deflickered = restored(frames)
    assert np.array_equal(alone[1], deflickered[1])
