"""LPIPS and DISTS with random weights in the form of torchvision's: the published ones are 761 MB, and no test fetches them."""

from __future__ import annotations

import builtins
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torchmetrics.functional.image.dists import deep_image_structure_and_texture_similarity
from torchmetrics.functional.image.lpips import learned_perceptual_image_patch_similarity
from torchvision.models import alexnet, vgg16

from deblurbench.download import in_place_of_fetched, read_weights
from deblurbench.errors import UsageError
from deblurbench.files import file_hash
from deblurbench.images.tensors import to_tensor
from deblurbench.metrics.perceptual import DISTS, LPIPS
from deblurbench.metrics.recipe import find_recipe

REFERENCES = {
    LPIPS: lambda x, y: learned_perceptual_image_patch_similarity(x, y, net_type="alex", normalize=True),
    DISTS: deep_image_structure_and_texture_similarity,
}
NETWORKS = {LPIPS: alexnet, DISTS: vgg16}


class Published:
    """What torchvision says of weights: a URL whose name ends with the hash of the file."""

    def __init__(self, url: str) -> None:
        self.url = url


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[type, Path]:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("weights")
    for metric, network in NETWORKS.items():
        torch.save(network(weights=None).state_dict(), folder / f"{metric.name}.pth")
    return {metric: folder / f"{metric.name}.pth" for metric in NETWORKS}


@pytest.fixture
def as_published(files: dict[type, Path], monkeypatch: pytest.MonkeyPatch) -> dict[type, Path]:
    """Torchvision publishes the files of this test: their hashes stand in its addresses."""
    for metric, path in files.items():
        weights: Any = metric.published()
        url = weights.url.rsplit("-", 1)[0] + f"-{file_hash(path)[:8]}.pth"
        monkeypatch.setattr(
            type(weights).IMAGENET1K_V1, "_value_", weights.value.__class__(url, weights.transforms, weights.meta)
        )
    return files


@pytest.mark.parametrize("metric", [LPIPS, DISTS])
def test_it_is_torchmetrics_on_the_weights_that_were_given(
    metric: Any, as_published: dict[type, Path], photo: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "download_url_to_file", lambda *_, **__: pytest.fail("fetched"))
    hub = torch.hub.get_dir()
    sharp = to_tensor(photo[100:180, 100:200])
    soft = torch.nn.functional.avg_pool2d(sharp, 3, 1, 1)
    scorer = metric(weights=str(as_published[metric]))
    values = scorer(torch.cat([soft, sharp]), torch.cat([sharp, sharp]))
    state = read_weights(as_published[metric], metric.published(), "the test")
    with in_place_of_fetched(state, metric.published()):
        expected = REFERENCES[metric](soft, sharp)
    assert values.tolist() == pytest.approx([expected.item(), 0], abs=1e-6)
    assert values.dtype == torch.float64
    assert torch.hub.get_dir() == hub
    assert scorer(soft[:, :1], sharp[:, :1]).shape == (1,)  # grey
    with pytest.raises(ValueError, match="needs images of at least 32x32 pixels"):
        scorer(sharp[..., :20], sharp[..., :20])


def test_threads_do_not_disturb_each_other(as_published: dict[type, Path], photo: np.ndarray) -> None:
    scorer = LPIPS(weights=str(as_published[LPIPS]))
    scorer.prepare()
    sharp = to_tensor(photo[100:164, 100:164])
    worse = [(sharp + 0.02 * number * torch.randn(sharp.shape)).clamp(0, 1) for number in range(12)]
    alone = [scorer(image, sharp).item() for image in worse]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda image: scorer(image, sharp).item(), worse * 2)) == pytest.approx(alone * 2, abs=1e-6)


def test_a_pickle_that_runs_something_is_not_loaded(
    as_published: dict[type, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Mischief:
        def __reduce__(self) -> Any:
            return (print, ("run",))

    torch.save({"features.0.weight": Mischief()}, tmp_path / "bad.pth")
    monkeypatch.setattr("deblurbench.download.file_hash", lambda _: "7be5be79" * 8)
    weights = Published("https://nowhere/alexnet-owt-7be5be79.pth")
    with pytest.raises(UsageError, match=r"bad\.pth: holds more than weights, and is not loaded"):
        read_weights(tmp_path / "bad.pth", weights, "the test")


def test_other_files_are_not_loaded(files: dict[type, Path], tmp_path: Path) -> None:
    with pytest.raises(
        UsageError,
        match=r"lpips\.pth: is not alexnet-owt-7be5be79\.pth as torchvision publishes it, which metric 'lpips' needs",
    ):
        LPIPS(weights=str(files[LPIPS])).prepare()
    with pytest.raises(
        UsageError, match=r"none\.pth: cannot be read \(No such file or directory\); metric 'dists' needs vgg16-397923af\.pth"
    ):
        DISTS(weights=str(tmp_path / "none.pth")).prepare()


def test_without_a_network_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def no_network(*_: Any, **__: Any) -> None:
        raise OSError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", no_network)
    recipe = find_recipe("deblurbench", ["lpips"])  # nothing is fetched until it is needed
    with pytest.raises(
        UsageError, match=r"metric 'lpips': its weights could not be fetched .*or use weights: PATH, the file of that name"
    ):
        recipe.metrics["lpips"].prepare()


def test_without_torchmetrics_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name.startswith("torchmetrics"):
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=r"metric 'dists': needs torchmetrics; run: pip install 'deblurbench\[perceptual\]'"):
        DISTS().prepare()
