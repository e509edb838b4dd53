"""Deblurring with the winner of a results folder, drawing before and after, and leaving alone what is there."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pillow_heif
import pytest
import torch
from PIL import Image

from benchmarks.synthetic_results import write_results
from deblurbench.apps import photos
from deblurbench.apps.before_after import measure_change
from deblurbench.apps.winner import Winner, load_winner
from deblurbench.errors import UsageError
from deblurbench.images.photo import Photo
from deblurbench.models.loading import load
from deblurbench.records.cells import CellName
from tests.apps.test_cli import checkpoint, invoke
from tests.benchmark.running import ONE_MODEL, run
from tests.conftest import TINY_UNET

Write = Callable[..., Path]
DIFFUSION = {"name": "diffusion", "network": TINY_UNET, "sampling_steps": 2, "variants": {"more": {"sampling_steps": 3}}}


@pytest.fixture
def cat(tmp_path: Path, photo: np.ndarray) -> Path:
    Image.fromarray(photo[:40, :50]).save(tmp_path / "cat.png")
    return tmp_path / "cat.png"


def test_the_winner_of_a_report_is_taken(write_experiment: Write, tmp_path: Path, cat: Path) -> None:
    run(write_experiment(models=ONE_MODEL))
    results = tmp_path / "out"
    taken = invoke("deblur", cat, "--results", results, "--out", tmp_path / "winner.png")
    assert taken.exit_code == 0, taken.output
    assert f"with the winner of {results}: cnn (" in taken.output
    assert "dB on pairs)\nnote: on its test photographs it is not significantly better than doing nothing" in taken.output
    weights = results / "runs" / "pairs" / "cnn" / "seed-0" / "last.safetensors"
    invoke("deblur", cat, "--model", weights, "--out", tmp_path / "given.png")
    assert (tmp_path / "winner.png").read_bytes() == (tmp_path / "given.png").read_bytes()
    weights.write_bytes(checkpoint(tmp_path / "other.safetensors", ONE_MODEL["cnn"]).read_bytes())
    changed = invoke("deblur", cat, "--results", results, "--out", tmp_path / "changed.png")
    assert (changed.exit_code, "weights were not kept, or have changed since" in changed.output) == (2, True)


def test_a_winner_restores_as_it_was_scored(write_experiment: Write, tmp_path: Path, photo: np.ndarray) -> None:
    run(write_experiment(models={"diffusion": DIFFUSION, "unsharp": {"name": "classical", "method": "unsharp"}}))
    blurred, cpu = torch.rand(1, 3, 32, 32), torch.device("cpu")
    weights = tmp_path / "out" / "runs" / "pairs" / "diffusion" / "seed-0" / "last.safetensors"
    variant = load_winner(tmp_path / "out", Winner(CellName("pairs", "more", 0), 1.0, (), beats_input=True), cpu)
    assert torch.equal(variant.restore(blurred), load(weights, sampling_steps=3).restore(blurred))
    classical = load_winner(tmp_path / "out", Winner(CellName("pairs", "unsharp", 0), 1.0, (), beats_input=True), cpu)
    assert not torch.equal(classical.restore(blurred), blurred)


def test_of_several_data_sets_one_is_chosen(tmp_path: Path, cat: Path) -> None:
    folder = write_results(tmp_path / "two", datasets=["faces", "photos"], gains={"cnn": 2.0, "gan": 1.0}, images=12)
    for arguments, message in {
        (): f"{folder}: has a winner on each of 2 data sets; choose the one that is blurred like your photographs: --dataset faces (cnn) or --dataset photos (cnn)",
        ("--dataset", "face"): "has no data set 'face'; did you mean 'faces'?",
        ("--model", cat): "--model, --results: give one of them",
    }.items():
        result = invoke("deblur", cat, "--results", folder, "--out", tmp_path / "out", *arguments)
        assert (result.exit_code, message in result.output) == (2, True), result.output
    alone = invoke("deblur", cat, "--model", cat, "--dataset", "faces", "--out", tmp_path / "out")
    assert "--dataset: needs --results" in alone.output


@pytest.fixture
def cnn(tmp_path: Path) -> Path:
    return checkpoint(tmp_path / "cnn.safetensors", {"name": "cnn", "network": TINY_UNET})


def test_outputs_that_exist_are_left_alone_unless_asked(tmp_path: Path, photo: np.ndarray, cnn: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        Image.fromarray(photo[:30, :30]).save(folder / name)
    (folder / "notes.txt").write_text("")
    out.mkdir()
    (out / "a.png").write_text("mine")
    first = invoke("deblur", folder, "--model", cnn, "--out", out)
    assert first.exit_code == 0, first.output
    assert f"1 of 2 outputs exist already in {out} and are left alone; --overwrite replaces them" in first.output
    assert f"left out of {folder}: 1 file (1 .txt): not images that are read" in first.output
    assert (out / "a.png").read_text() == "mine"
    again = invoke("deblur", folder, "--model", cnn, "--out", out)
    assert (again.exit_code, f"{out}: all 2 outputs exist already; give --overwrite" in again.output) == (2, True)
    assert invoke("deblur", folder, "--model", cnn, "--out", out, "--overwrite").exit_code == 0
    assert Image.open(out / "a.png").size == (30, 30)


def test_before_and_after_are_drawn_side_by_side(tmp_path: Path, cat: Path, cnn: Path) -> None:
    result = invoke("deblur", cat, "--model", cnn, "--out", tmp_path / "out", "--compare")
    assert result.exit_code == 0, result.output
    drawn = np.asarray(Image.open(tmp_path / "out" / "cat-before-after.jpg").convert("RGB")).astype(int)
    before, after = np.asarray(Image.open(cat)).astype(int), np.asarray(Image.open(tmp_path / "out" / "cat.png")).astype(int)
    (tmp_path / "out" / "cat.png").unlink()
    again = invoke("deblur", cat, "--model", cnn, "--out", tmp_path / "out", "--compare")
    assert (again.exit_code, "cat-before-after.jpg: exists already; give --overwrite" in again.output) == (2, True)
    left, top, middle = 8, 24, (drawn.shape[1] - 8) // 2 + 8
    inner = np.s_[4:36, 4:46]  # without the frame of the close-up
    for pixels, column in ((before, left), (after, middle)):
        part = drawn[top : top + 40, column : column + 50]
        assert np.abs(part[inner] - pixels[inner]).mean() < 4  # of JPEG


def test_a_change_that_nobody_sees_is_said(tmp_path: Path, photo: np.ndarray, cat: Path) -> None:
    identity = checkpoint(
        tmp_path / "identity.safetensors", {"name": "classical", "method": {"name": "unsharp", "amount": 0.001}}
    )
    result = invoke("deblur", cat, "--model", identity, "--out", tmp_path / "out")
    assert f"note: {cat}: was changed by less than one can see" in result.output
    assert "of 255); it is sharp already, or blurred more or otherwise than" in result.output  # 50x40 pixels do not tell
    result = invoke("deblur", cat, "--model", identity, "--out", tmp_path / "none", "--strength", "0")
    assert "less than one can see" not in result.output  # of what was asked for
    for blur, why in ((0.0, "it is sharp already"), (4.0, "it looks blurred, but more or otherwise than")):
        Image.fromarray(cv2.GaussianBlur(photo, (0, 0), blur) if blur else photo).save(tmp_path / f"{blur}.png")
        result = invoke("deblur", tmp_path / f"{blur}.png", "--model", identity, "--out", tmp_path / "out")
        assert f"of 255); {why}" in result.output
    for dtype, white in ((np.uint8, 255), (np.uint16, 65535)):
        flat = Photo(np.full((100, 100, 3), white // 2, dtype))
        spot = flat.pixels.copy()
        spot[:3, :4] += white // 40  # 12 of 10,000 pixels
        assert measure_change(flat, Photo(spot)).is_visible
        spot[1:3] = flat.pixels[1:3]  # 4
        assert not measure_change(flat, Photo(spot)).is_visible
        spot = flat.pixels.copy()
        spot[:3, :4] += white // 200
        assert not measure_change(flat, Photo(spot)).is_visible
        assert measure_change(flat, Photo(spot), strength=0.2).is_visible


def test_formats_that_are_not_written_are_refused_before_work_begins(tmp_path: Path, cat: Path, cnn: Path) -> None:
    Image.open(cat).save(tmp_path / "cat.gif")
    result = invoke("deblur", cat, tmp_path / "cat.gif", "--model", cnn, "--out", tmp_path / "out")
    assert (result.exit_code, f"{tmp_path / 'cat.gif'}: images are written as .jpg" in result.output) == (2, True)
    assert not (tmp_path / "out").exists()
    result = invoke("deblur", tmp_path / "cat.gif", "--model", cnn, "--out", tmp_path / "cat-sharp.png")
    assert result.exit_code == 0, result.output


def test_a_full_disk_ends_it_at_once(tmp_path: Path, cat: Path, cnn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def fail(path: Path, restored: Photo) -> None:
        tried.append(path)
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(photos, "write_photo", fail)
    copies = [shutil.copy(cat, tmp_path / f"cat-{number}.png") for number in range(5)]
    result = invoke("deblur", *copies, "--model", cnn, "--out", tmp_path / "out")
    assert (result.exit_code, "No space left on device; free some space" in result.output) == (1, True), result.output
    assert len(tried) < 5
    result = invoke("deblur", cat, "--model", cnn, "--out", tmp_path / "out")
    assert (result.exit_code, "No space left on device" in result.output) == (1, True), result.output


def test_without_models_that_restore_there_is_no_winner(tmp_path: Path, cat: Path) -> None:
    folder = write_results(tmp_path / "none", datasets=["faces"], gains={}, images=3)
    result = invoke("deblur", cat, "--results", folder, "--out", tmp_path / "out")
    assert (result.exit_code, "no model of it can restore photographs" in result.output) == (2, True), result.output
    with pytest.raises(UsageError, match="holds no scores"):
        load_winner(folder, Winner(CellName("faces", "cnn", 0), 1.0, (), beats_input=True), torch.device("cpu"))


def test_a_heic_photograph_becomes_a_jpeg(tmp_path: Path, photo: np.ndarray, cnn: Path) -> None:
    pillow_heif.from_bytes("RGB", (50, 40), photo[:40, :50].tobytes()).save(tmp_path / "IMG_1.HEIC")
    refused = invoke("deblur", tmp_path / "IMG_1.HEIC", "--model", cnn, "--out", tmp_path / "sharp.heic")
    assert (refused.exit_code, "sharp.heic: images are written as .jpg, " in refused.output) == (2, True)
    result = invoke("deblur", tmp_path / "IMG_1.HEIC", "--model", cnn, "--out", tmp_path / "out")
    assert f"wrote {tmp_path / 'out' / 'IMG_1.jpg'}" in result.output
    assert Image.open(tmp_path / "out" / "IMG_1.jpg").size == (50, 40)
