"""What tests share: real photographs, small data sets in the layouts that people have, and small experiments."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from deblurbench.batch import Batch
from deblurbench.data.cache import PixelCache
from deblurbench.data.dataset import open_dataset
from deblurbench.data.prepared import PreparedDataset
from deblurbench.images.tensors import to_tensor
from deblurbench.yaml_files import read_yaml, to_yaml
from tests import quick
from tests.exposures import moved, shaken

torch.set_num_threads(1)  # tiny networks are faster so, and unhurt by whatever else the machine does

TINY_UNET = {"name": "unet", "widths": [8, 12], "blocks": 1}
PRESETS = Path(__file__).parent.parent / "configs" / "networks"


def tiny_network(name: str) -> dict[str, Any]:
    """The tiny preset of a network; networks that have none (of other packages) use their defaults."""
    preset = PRESETS / f"{name}-tiny.yaml"
    return read_yaml(preset) if preset.is_file() else {"name": name}


@pytest.fixture(scope="session")
def photo() -> np.ndarray:
    """A real photograph, (300, 451, 3) uint8: scikit-image's cat."""
    spec = importlib.util.find_spec("skimage")
    assert spec is not None
    assert spec.origin is not None
    return np.array(Image.open(Path(spec.origin).parent / "data" / "chelsea.png"))


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> PixelCache:
    return PixelCache(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, cache: PixelCache) -> None:
    """No test touches the user's cache."""
    monkeypatch.setenv("DEBLURBENCH_CACHE", str(cache.folder))


@pytest.fixture(autouse=True)
def quick_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times that experiments of tests measure need not be good ones; those that are tested have a fixture of this name."""
    quick.measure_little(monkeypatch.setattr)


@pytest.fixture(autouse=True)
def _quick_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    quick.wait_for_no_disk(monkeypatch.setattr)


@pytest.fixture
def unrendered_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    quick.render_no_figures(monkeypatch.setattr)


@pytest.fixture(autouse=True)
def quick_figures(unrendered_figures: None) -> None:
    """Experiments of tests end with a report, whose figures need not be drawn; tests of reports have a fixture of this name."""


@pytest.fixture
def batch(photo: np.ndarray) -> Batch:
    """Two 32x32 pairs, really blurred a little."""
    patches = [photo[60:92, 120:152], photo[100:132, 200:232]]
    sharp = torch.cat([to_tensor(patch) for patch in patches])
    return Batch(torch.nn.functional.avg_pool2d(sharp, 3, stride=1, padding=1, count_include_pad=False), sharp)


@pytest.fixture
def write_pairs(photo: np.ndarray) -> Callable[..., Path]:
    """Writes NAME.png pairs into FOLDER/{blur,sharp}: crops of the photograph from `start` on, blurred by averaging."""

    def write(folder: Path, names: list[str], size: int = 48, start: int = 0) -> Path:
        for place, name in enumerate(names, start):
            sharp = photo[place : place + size, 7 * place : 7 * place + size]
            blurred = sum(np.roll(sharp.astype(float), shift, 1) for shift in (-1, 0, 1)) / 3
            for side, pixels in (("sharp", sharp), ("blur", blurred.astype(np.uint8))):
                (folder / side).mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(folder / side / name)
        return folder

    return write


@pytest.fixture
def pairs_folder(tmp_path: Path, write_pairs: Callable[..., Path]) -> Path:
    """Own pairs: four to train, one to validate, two to test."""
    folder = tmp_path / "pairs"
    write_pairs(folder / "train", [f"a{number}.png" for number in range(4)])
    write_pairs(folder / "validation", ["v0.png"], start=10)
    write_pairs(folder / "test", ["t0.png", "t1.png"], start=20)
    return folder


@pytest.fixture
def pairs(pairs_folder: Path, cache: PixelCache) -> PreparedDataset:
    """The data set of `pairs_folder`, ready."""
    return open_dataset("pairs", cache, layout={"name": "paired-folder", "path": str(pairs_folder)}).prepare()


@pytest.fixture
def sharp_photos(cache: PixelCache) -> PreparedDataset:
    """scikit-image's photographs, shaken, ready."""
    return open_dataset("photos", cache, layout="skimage-photos", blur={"name": "motion", "length": [3.0, 8.0]}).prepare()


TINY_TRAINING = {
    "steps": 6,
    "batch_size": 2,
    "crop_size": 32,
    "warmup_steps": 2,
    "log_every": 2,
    "validate_every": 3,
    "checkpoint_every": 2,
}


@pytest.fixture
def write_experiment(tmp_path: Path, pairs_folder: Path) -> Callable[..., Path]:
    """Writes a tiny experiment on own pairs; keyword arguments replace whole sections."""

    def write(name: str = "tiny", **sections: Any) -> Path:
        content = {
            "question": "Does it run?",
            "datasets": {"pairs": {"layout": {"name": "paired-folder", "path": str(pairs_folder)}}},
            "models": {
                "cnn": {"name": "cnn", "network": TINY_UNET},
                "gan": {"name": "gan", "network": TINY_UNET, "discriminator": {"name": "patch", "width": 4, "layers": 2}},
                "diffusion": {
                    "name": "diffusion",
                    "network": TINY_UNET,
                    "sampling_steps": 2,
                    "samples": 2,
                    "variants": {"diffusion-1-sample": {"samples": 1}},
                },
            },
            "training": TINY_TRAINING,
            **sections,
        }
        path = tmp_path / f"{name}.yaml"
        path.write_text(to_yaml(content))
        return path

    return write


@pytest.fixture
def unaligned(tmp_path: Path, photo: np.ndarray) -> Path:
    """Own pairs that are separate exposures: the blurred side lies 20 pixels away."""
    for split, count in (("train", 3), ("validation", 1), ("test", 2)):
        for kind in ("blur", "sharp"):
            (tmp_path / split / kind).mkdir(parents=True)
        for number in range(count):
            sharp = np.roll(photo, 31 * number + len(split), axis=1)
            away = shaken(moved(sharp, [[1, 0, 20], [0, 1, 6], [0, 0, 1]]), number)
            Image.fromarray(sharp).save(tmp_path / split / "sharp" / f"{number}.png")
            Image.fromarray(away).save(tmp_path / split / "blur" / f"{number}.png")
    return tmp_path
