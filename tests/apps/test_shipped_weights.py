"""Weights that ship: found by name, in Python, on the command line and in experiments; torch is imported only where it pays."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import deblurbench
from deblurbench import devices
from deblurbench.apps import restorer_choice
from deblurbench.apps.deblur_image import _loaded
from deblurbench.apps.photo_restorers import ModelRestorer, Restoring
from deblurbench.apps.restorer_choice import choose_restorer
from deblurbench.errors import DeblurbenchError, UsageError
from deblurbench.experiment.experiment import load_experiment
from deblurbench.images.reading import read_photo
from deblurbench.weights.shipped import shipped_weights
from tests.apps.test_cli import checkpoint, invoke
from tests.conftest import TINY_UNET
from tests.shipping import ship, write_weights


@pytest.fixture(scope="session")
def written_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of weights as they would ship."""
    folder = tmp_path_factory.mktemp("weights")
    write_weights(folder)
    return folder


@pytest.fixture
def weights(written_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The checkpoint of weights that ship as `photo`."""
    _loaded.cache_clear()
    yield ship(shutil.copytree(written_weights, tmp_path / "weights"), monkeypatch)
    shipped_weights.cache_clear()
    _loaded.cache_clear()


def test_deblur_takes_them_where_no_model_is_given(tmp_path: Path, photo: np.ndarray, weights: Path) -> None:
    Image.fromarray(photo).save(tmp_path / "cat.png")
    for number, model in enumerate(([], ["--model", "photo"], ["--model", weights])):
        result = invoke("deblur", tmp_path / "cat.png", *model, "--out", tmp_path / f"{number}.png")
        assert result.exit_code == 0, result.output
    first, *others = (read_photo(tmp_path / f"{number}.png").pixels.astype(int) for number in range(3))
    assert np.abs(first - photo).max() > 3
    assert all(np.abs(other - first).max() <= 1 for other in others)


def test_an_unknown_name_is_said_with_what_ships(tmp_path: Path, photo: np.ndarray, weights: Path) -> None:
    Image.fromarray(photo).save(tmp_path / "cat.png")
    result = invoke("deblur", tmp_path / "cat.png", "--model", "phto", "--out", tmp_path / "x.png")
    assert result.exit_code == 2
    assert "'phto' is neither a file nor the name of weights that ship; did you mean 'photo'?" in result.output


def test_weights_that_were_changed_since_are_refused(tmp_path: Path, photo: np.ndarray, weights: Path) -> None:
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(DeblurbenchError, match=r"photo.safetensors: is missing or was changed since it was installed"):
        deblurbench.load("photo")


def test_a_graph_of_another_revision_is_refused(weights: Path) -> None:
    graph = weights.with_suffix(".onnx")
    graph.write_bytes(graph.read_bytes() + b"x")
    with pytest.raises(DeblurbenchError, match=r"photo.onnx: is missing or was changed since it was installed"):
        _ = shipped_weights()["photo"].graph
    graph.unlink()
    with pytest.raises(DeblurbenchError, match=r"photo.onnx: is missing"):
        choose_restorer(None, Restoring(), megapixels=0.1)


@pytest.mark.parametrize(
    ("may_have_gpu", "has_bfloat16", "megapixels", "way"),
    [
        (False, False, 0.1, "o"),  # onnxruntime or openvino
        (False, False, 100.0, "o"),
        (False, True, 0.1, "o"),
        (False, True, 100.0, "torch on cpu, bfloat16"),
        (True, False, 0.1, "o"),  # torch found none after all
        (True, True, 0.1, "torch on cpu, bfloat16"),
    ],
)
def test_the_fastest_way_that_is_there_is_taken(
    may_have_gpu: bool, has_bfloat16: bool, megapixels: float, way: str, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restorer_choice, "may_have_gpu", lambda: may_have_gpu)
    monkeypatch.setattr(restorer_choice, "multiplies_bfloat16", lambda: has_bfloat16)
    monkeypatch.setattr(devices, "find_device", lambda name: torch.device("cpu"))
    assert choose_restorer(None, Restoring(), megapixels).restorer.way.startswith(way)


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.5])
def test_strength_applies_part_of_the_change_or_more(strength: float, tmp_path: Path, photo: np.ndarray, weights: Path) -> None:
    blurred = np.clip(photo, 60, 200)  # so that nothing is clipped
    whole = deblurbench.deblur(blurred).astype(float)
    part = deblurbench.deblur(blurred, strength=strength).astype(float)
    assert np.abs(part - (blurred + strength * (whole - blurred))).max() <= 1.3
    how = Restoring(tile=256, strength=strength)
    sampler = ModelRestorer(deblurbench.load("photo"), torch.device("cpu"), how)
    assert np.abs(sampler.restore(blurred) - part).max() <= 1
    result = invoke("deblur", tmp_path, "--strength", "1.6", "--out", tmp_path / "out")
    assert result.exit_code == 2


def test_verbose_says_how_and_how_much(tmp_path: Path, photo: np.ndarray, weights: Path) -> None:
    Image.fromarray(photo).save(tmp_path / "cat.png")
    result = invoke("deblur", tmp_path / "cat.png", "--out", tmp_path / "x.png", "--verbose")
    assert "\nby " in f"\n{result.output}"
    change = np.sqrt(np.mean((read_photo(tmp_path / "x.png").pixels.astype(float) - photo) ** 2))
    assert f"{tmp_path / 'cat.png'}: values were changed by {change:.2f} of 255 (root mean square)" in result.output


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "I;16"])
def test_an_image_in_memory_comes_back_as_it_was(mode: str, photo: np.ndarray, weights: Path) -> None:
    deep = Image.fromarray(photo[:40, :50, 0].astype(np.uint16) * 257)
    image = deep if mode == "I;16" else Image.fromarray(photo[:40, :50]).convert(mode)
    restored = deblurbench.deblur(image)
    assert restored.size == (50, 40)
    assert restored.mode == ("RGB" if mode == "P" else mode)
    assert restored.tobytes() != image.convert(restored.mode).tobytes()
    if mode in ("LA", "RGBA"):
        assert np.asarray(restored)[..., -1].min() == 255


def test_an_image_in_memory_keeps_its_metadata(tmp_path: Path, photo: np.ndarray, weights: Path) -> None:
    exif = Image.Exif()
    exif[274], exif[271], exif[0x4746] = 6, "a maker", 4  # turned, and with four stars
    exif[0x9C9E] = "a cat".encode("utf-16-le")  # the keywords of Windows
    for name in ("cat.jpg", "cat.tif"):
        Image.fromarray(photo[:40, :50]).save(tmp_path / name, exif=exif, dpi=(300, 300), icc_profile=b"a profile")
        with Image.open(tmp_path / name) as image:
            restored = deblurbench.deblur(image)
            assert restored.getexif()[271] == "a maker"
            assert restored.getexif()[0x4746] == 4
            assert bytes(restored.getexif()[0x9C9E]).decode("utf-16-le") == "a cat"
            assert restored.getexif().get(274) == image.getexif().get(274)  # Pillow turns a TIFF, and takes it out
            assert restored.size == image.size
            assert restored.info["icc_profile"] == image.info["icc_profile"]
            assert restored.info["dpi"] == image.info["dpi"]
    with pytest.raises(ValueError, match=r"mode 1, L, LA, .*, not CMYK; convert it first"):
        deblurbench.deblur(Image.new("CMYK", (9, 9)))


def test_a_loaded_model_stays_for_other_strengths_and_goes_with_its_file(photo: np.ndarray, weights: Path) -> None:
    half, whole = (deblurbench.deblur(photo[:40, :50], weights, strength=strength) for strength in (0.5, 1.0))
    assert _loaded.cache_info().misses == 1
    assert not np.array_equal(half, whole)
    checkpoint(weights, {"name": "cnn", "network": TINY_UNET})
    assert not np.array_equal(deblurbench.deblur(photo[:40, :50], weights), whole)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(30, 40), (30, 40, 3), (30, 40, 4)])
def test_an_array_in_memory_comes_back_as_it_was(dtype: Any, shape: tuple[int, ...], photo: np.ndarray, weights: Path) -> None:
    values = np.resize(photo, shape).astype(np.float64) / 255
    scale = 1 if np.issubdtype(dtype, np.floating) else np.iinfo(dtype).max
    image = (values * scale).astype(dtype)
    restored = deblurbench.deblur(image)
    assert (restored.shape, restored.dtype) == (shape, dtype)
    assert restored.min() >= 0
    assert restored.max() <= scale
    assert not np.array_equal(restored, image)
    assert np.abs(restored.astype(float) - image).mean() < 0.2 * scale  # it is still that image
    if shape[-1] == 4:
        assert np.array_equal(restored[..., 3], image[..., 3])


def test_what_is_no_image_is_refused(photo: np.ndarray, weights: Path) -> None:
    for wrong, message in (
        (photo.astype(np.float32), r"floating point values in \[0, 1\]; divide those of 8 bits by 255"),
        (photo[..., :2], r"expected an image of shape"),
        (photo.astype(np.int64), "expected uint8, uint16 or floating point values, not int64"),
    ):
        with pytest.raises(ValueError, match=message):
            deblurbench.deblur(wrong)


def test_experiments_refer_to_them_by_name(tmp_path: Path, weights: Path) -> None:
    """Also where the model has their name; another model of that name comes first."""
    path = tmp_path / "mine.yaml"
    network = "{name: unet, widths: [8, 12], blocks: 1}"
    head = "datasets: [photos-gaussian]\ntraining: quickstart\nmodels:\n"
    path.write_text(f"{head}  photo: {{trained: photo}}\n  further: {{name: cnn, network: {network}, start: photo}}\n")
    experiment = load_experiment(path)
    assert experiment.models["photo"].paths == {weights}
    assert experiment.models["photo"].needs == []
    assert not experiment.models["photo"].is_trained
    assert experiment.models["further"].needs == ["photo"]  # which is the shipped one
    path.write_text(f"{head}  photo: {{name: cnn, network: {network}}}\n  both: {{trained: photo}}\n")
    assert load_experiment(path).models["both"].needs == ["photo"]
    path.write_text(f"{head}  x: {{trained: phot}}\n")
    with pytest.raises(UsageError, match=r"unknown model 'phot'; did you mean 'photo'"):
        load_experiment(path)


def test_without_torch_a_small_photograph_is_restored_by_onnx_runtime(tmp_path: Path, photo: np.ndarray, weights: Path) -> None:
    """In a process of its own, where importing torch is an error."""
    Image.fromarray(photo).save(tmp_path / "cat.jpg", quality=95)
    code = f"""
import sys
sys.modules["torch"] = None
from pathlib import Path
from deblurbench.weights import shipped
shipped.FOLDER = Path({str(weights.parent)!r})
shipped.REGISTRY = shipped.FOLDER / "registry.json"
from deblurbench.runtimes import processor
processor.may_have_gpu = lambda: False
from deblurbench.__main__ import main
sys.argv = ["deblurbench", "deblur", {str(tmp_path / "cat.jpg")!r}, "--out", {str(tmp_path / "sharp.png")!r}, "--verbose"]
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert "by o" in done.stdout  # onnxruntime or openvino
    by_torch = deblurbench.load("photo").restore(
        torch.from_numpy(read_photo(tmp_path / "cat.jpg").pixels.transpose(2, 0, 1)[None] / np.float32(255))
    )
    expected = by_torch[0].permute(1, 2, 0).numpy() * 255
    assert np.abs(read_photo(tmp_path / "sharp.png").pixels - expected).max() <= 2.5


def test_without_torch_any_photograph_is_restored_by_what_is_installed(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restorer_choice, "find_spec", lambda name: None)
    assert choose_restorer(None, Restoring(), megapixels=1000.0).restorer.way in ("openvino", "onnxruntime")
    monkeypatch.setattr(restorer_choice, "is_installed", lambda runtime: False)
    with pytest.raises(UsageError, match=r"--model: 'photo' needs PyTorch here; run: pip install torch torchvision"):
        choose_restorer(None, Restoring(), megapixels=1000.0)


def test_tiny_networks_ship_in_tests_alone(weights: Path) -> None:
    assert deblurbench.load("photo").network.stem.out_channels == TINY_UNET["widths"][0]
