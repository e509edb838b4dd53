"""The weights that ship: what the registry says of them, and that every way through them restores the same."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import pytest
import torch

import deblurbench
from deblurbench.checkpoint import FORMAT, load_checkpoint
from deblurbench.images.photo import Pixels
from deblurbench.models.exporting import require_exportable
from deblurbench.models.torch_network import TorchNetwork, restores_alike
from deblurbench.registry import MODELS
from deblurbench.runtimes.onnx_network import RUNTIMES, open_onnx
from deblurbench.runtimes.pixels import Planes, restore_pixels
from deblurbench.weights.shipped import FOLDER, shipped_weights
from deblurbench.yaml_files import read_yaml
from tests.conftest import PRESETS

NAMES = list(shipped_weights())
CPU = torch.device("cpu")


def middles() -> Pixels:
    """The middle 256x256 pixels of nine photographs, side by side."""
    from skimage import data

    left, _, _ = data.stereo_motorcycle()
    grey = [np.repeat(one()[..., None], 3, 2) for one in (data.camera, data.brick, data.gravel)]
    colour = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket(), left, data.hubble_deep_field()]
    parts = [one[one.shape[0] // 2 - 128 :, one.shape[1] // 2 - 128 :][:256, :256] for one in (*colour, *grey)]
    return np.concatenate([np.concatenate(parts[row : row + 3], 1) for row in (0, 3, 6)], 0)


@pytest.fixture(scope="module", params=["coffee", "astronaut", "middles"])
def blurred(request: pytest.FixtureRequest) -> Pixels:
    """A photograph out of focus and with a little noise, larger than a tile of 384 pixels."""
    from skimage import data

    sharp, sigma = (middles(), 2.0) if request.param == "middles" else (getattr(data, request.param)(), 1.5)
    soft = cv2.GaussianBlur(sharp.astype(np.float32), (0, 0), sigma)
    return np.clip(np.rint(soft + np.random.default_rng(0).normal(0, 1, soft.shape)), 0, 255).astype(np.uint8)


@cache
def with_torch(name: str, *, bfloat16: bool = False) -> TorchNetwork:
    return TorchNetwork(require_exportable(deblurbench.load(name), name), CPU, bfloat16=bfloat16)


def card(page: str, name: str) -> str:
    """The section of `docs/weights.md` about these weights."""
    return page.split(f"## `{name}`\n")[1].split("\n## ")[0]


def test_the_registry_fits_the_files_and_the_cards() -> None:
    assert NAMES[0] == "photo"
    cards = (FOLDER.parents[1] / "docs" / "weights.md").read_text()
    for name, weights in shipped_weights().items():
        assert weights.graph.is_file()
        assert load_checkpoint(weights.checkpoint)[1]["format"] == weights.format == FORMAT
        assert f"| revision | {weights.revision}, checkpoint format {weights.format} |" in card(cards, name)
        assert f"`{weights.files[weights.checkpoint.name]}`" in card(cards, name)
        parameters = sum(parameter.numel() for parameter in deblurbench.load(name).parameters())
        assert parameters <= (5e5 if name == "photo-fast" else 5e6)
        assert weights.checkpoint.stat().st_size < 12 * 2**20
    assert sum(path.stat().st_size for path in FOLDER.iterdir() if path.is_file()) < 20 * 2**20


@pytest.mark.parametrize("way", ["torch bfloat16", *RUNTIMES])
@pytest.mark.parametrize("name", NAMES)
def test_every_way_that_deblur_may_take_is_exact(name: str, way: str, blurred: Pixels) -> None:
    network = with_torch(name, bfloat16=True) if way == "torch bfloat16" else open_onnx(shipped_weights()[name].graph, way)
    expected = restore_pixels(with_torch(name), blurred, tile=None).astype(int)
    difference = np.abs(restore_pixels(network, blurred, tile=None) - expected)
    assert np.abs(expected - blurred).max() > 20  # there was something to do
    assert difference.max() <= 2
    assert (difference <= 1).mean() >= 0.9999


def test_networks_that_would_round_the_image_are_computed_in_float32() -> None:
    for network, way in (("mimo-unet-tiny", "float32"), ("unet-tiny", "bfloat16")):
        model = MODELS.build({"name": "cnn", "network": read_yaml(PRESETS / f"{network}.yaml")})
        assert TorchNetwork(model, CPU, bfloat16=True).way == f"torch on cpu, {way}"


def test_a_way_that_is_not_exact_is_found_out() -> None:
    name = NAMES[0]
    off = with_torch(name, bfloat16=True)
    assert restores_alike(off, with_torch(name))

    class Off(TorchNetwork):
        def __init__(self) -> None:
            self.__dict__.update(off.__dict__)

        def __call__(self, image: Planes) -> Planes:
            return off(image) + np.float32(0.01)

    assert not restores_alike(Off(), with_torch(name))


@pytest.mark.parametrize("name", NAMES)
def test_tiles_leave_no_seam(name: str, blurred: Pixels) -> None:
    tiled, whole = (restore_pixels(with_torch(name), blurred, tile=tile).astype(int) for tile in (384, None))
    assert np.abs(tiled - whole).max() <= 1
