"""Photographs that are more, or less, than one picture in one file."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.apps.test_cli import checkpoint, invoke
from tests.conftest import TINY_UNET


@pytest.fixture
def cnn(tmp_path: Path) -> Path:
    return checkpoint(tmp_path / "cnn.safetensors", {"name": "cnn", "network": TINY_UNET})


def test_deblur_says_which_files_hold_more_than_was_restored(tmp_path: Path, photo: np.ndarray, cnn: Path) -> None:
    (tmp_path / "in").mkdir()
    frames = [Image.fromarray(photo[place : place + 40, :50]) for place in (0, 40, 80)]
    for name in ("scan.tif", "moving.webp", "moving.png"):
        frames[0].save(tmp_path / "in" / name, save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "in" / "still.png")
    result = invoke("deblur", tmp_path / "in", "--model", cnn, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    for name in ("scan.tif", "moving.webp", "moving.png"):
        assert f"note: {tmp_path / 'in' / name}: only the first of its 3 frames was restored" in result.output
    assert result.output.count("only the first of its") == 3
    assert Image.open(tmp_path / "out" / "scan.tif").size == (50, 40)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path, photo: np.ndarray, cnn: Path) -> None:
    (tmp_path / "in").mkdir()
    os.mkfifo(tmp_path / "in" / "pipe.png")
    result = invoke("deblur", tmp_path / "in" / "pipe.png", "--model", cnn, "--out", tmp_path / "out")
    assert (result.exit_code, "pipe.png: is a pipe, a socket or a device; give a file or a folder" in result.output) == (
        2,
        True,
    )
    Image.fromarray(photo[:30, :30]).save(tmp_path / "in" / "good.png")
    result = invoke("deblur", tmp_path / "in", "--model", cnn, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "pipe.png: is a pipe, a socket or a device; give a file" in result.output
    assert (tmp_path / "out" / "good.png").is_file()


@pytest.mark.parametrize("command", ["check", "blur"])
def test_data_commands_do_not_wait_for_pipes(tmp_path: Path, photo: np.ndarray, command: str) -> None:
    (tmp_path / "in").mkdir()
    for number in range(3):
        Image.fromarray(np.roll(photo, number, 0)).save(tmp_path / "in" / f"{number}.png")
    for name in ("pipe.png", "pipe.csv"):
        os.mkfifo(tmp_path / "in" / name)
    result = invoke("data", command, tmp_path / "in", *([tmp_path / "out", "--kind", "disk"] if command == "blur" else []))
    assert result.exit_code == 1, result.output
    assert "pipe.png: is a pipe, a socket or a device; give a file" in result.output
