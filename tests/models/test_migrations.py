"""Checkpoints of earlier formats are loaded by migrations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor

import deblurbench
from deblurbench import checkpoint
from deblurbench.checkpoint import FORMAT, METADATA_KEY, load_checkpoint, save_checkpoint
from deblurbench.errors import UsageError
from deblurbench.files import read_json
from deblurbench.models.cnn import CNN
from deblurbench.models.loading import save_model, spec_of_checkpoint
from deblurbench.models.migrations import MIGRATIONS, renamed_argument
from deblurbench.registry import MODELS, NETWORKS
from tests.conftest import TINY_UNET

KEPT = Path(__file__).parent / "checkpoints"
UNET = {"name": "unet", "widths": [8, 12], "blocks": 1}


def waves() -> Tensor:
    """An image (1, 3, 12, 10) that depends on no random generator."""
    rows, columns = torch.meshgrid(torch.arange(12.0), torch.arange(10.0), indexing="ij")
    return torch.stack([0.5 + 0.4 * torch.sin(0.3 * rows * (channel + 1) + 0.2 * columns) for channel in range(3)])[None]


@pytest.mark.parametrize("number", range(1, FORMAT + 1))
def test_a_kept_checkpoint_of_every_format_loads(number: int) -> None:
    """Whoever raises the format adds a file of the new one; existing ones are never rewritten."""
    restored = deblurbench.load(KEPT / f"format-{number}.safetensors").restore(waves(), deblurbench.RestoreOptions(seed=5))
    expected = torch.tensor(read_json(KEPT / f"format-{number}.json"))
    assert torch.allclose(restored[0], expected, atol=1e-4)
    assert (restored - waves()).abs().mean() > 0.02


def test_every_earlier_format_has_a_migration() -> None:
    assert sorted(MIGRATIONS) == list(range(FORMAT))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    spec = MODELS.resolve({"name": "cascade", "stages": [{"name": "cnn", "network": TINY_UNET}] * 2})
    save_model(tmp_path / "m.safetensors", MODELS.build(spec), spec, step=3)
    return tmp_path / "m.safetensors"


def with_header(path: Path, **changes: Any) -> Path:
    """Change the metadata of a checkpoint; its checksum stays."""
    with safetensors.safe_open(str(path), framework="pt") as file:
        header = {**json.loads(file.metadata()[METADATA_KEY]), **changes}
    tensors = safetensors.torch.load_file(path)
    safetensors.torch.save_file(tensors, path, metadata={METADATA_KEY: json.dumps(header)})
    return path


class Renamed(CNN):
    """The CNN of a later version, whose argument `losses` and whose module `network` have other names."""

    restoring_modules = ("backbone",)

    def __init__(self, *, network: Any, terms: Any, self_ensemble: bool, pooling_window: int | None) -> None:
        super().__init__(network=network, losses=terms, self_ensemble=self_ensemble, pooling_window=pooling_window)
        self.backbone = self.network
        del self.network


def test_an_argument_and_a_module_that_are_renamed_are_one_entry_each(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = deblurbench.load(saved).state_dict()

    def move_network(tensors: dict[str, Tensor], spec: Any) -> tuple[dict[str, Tensor], Any]:
        return {name.replace(".network.", ".backbone."): tensor for name, tensor in tensors.items()}, spec

    monkeypatch.setitem(MODELS._classes, "cnn", Renamed)
    with pytest.raises(UsageError, match=r"m\.safetensors: model\.stages\[0\]\.losses: unknown key of model 'cnn'"):
        deblurbench.load(saved)
    monkeypatch.setitem(MIGRATIONS, FORMAT, renamed_argument("cnn", "losses", "terms"))
    monkeypatch.setitem(MIGRATIONS, FORMAT + 1, move_network)
    monkeypatch.setattr(checkpoint, "FORMAT", FORMAT + 2)
    spec = spec_of_checkpoint(saved, "here")
    assert [stage["terms"][0]["name"] for stage in spec["stages"]] == ["charbonnier"] * 2
    after = deblurbench.load(saved).state_dict()
    assert all(torch.equal(tensor, after[name.replace(".network.", ".backbone.")]) for name, tensor in before.items())


def test_only_the_upsampling_of_unets_becomes_a_pixel_shuffle() -> None:
    tensors = {f"stages.{place}.network.ups.0.weight": torch.rand(2, 3, 1, 1) for place in range(2)}
    spec = {"name": "cascade", "stages": [{"name": "cnn", "network": UNET}, {"name": "cnn", "network": {"name": "other"}}]}
    moved, migrated = MIGRATIONS[1](tensors, spec)
    assert [stage["network"].get("activation") for stage in migrated["stages"]] == ["silu", None]
    assert {name: tuple(tensor.shape) for name, tensor in moved.items()} == {
        "stages.0.network.ups.0.0.weight": (8, 3, 1, 1),
        "stages.1.network.ups.0.weight": (2, 3, 1, 1),
    }


def test_only_the_named_thing_has_its_argument_renamed() -> None:
    spec = {"name": "cnn", "network": UNET, "losses": [{"name": "l1", "blocks": 3}], "blocks": 2}
    tensors, renamed = renamed_argument("unet", "blocks", "depth")({}, spec)
    assert tensors == {}
    assert renamed == {**spec, "network": {"name": "unet", "widths": [8, 12], "depth": 1}}
    assert "blocks" in NETWORKS.resolve(spec["network"])


def test_a_file_of_a_newer_format_says_to_upgrade(saved: Path) -> None:
    with pytest.raises(
        UsageError,
        match=rf"m\.safetensors: has format 99, and this deblurbench reads formats up to {FORMAT}; upgrade deblurbench$",
    ):
        deblurbench.load(with_header(saved, format=99))


@pytest.mark.parametrize("number", [-1, 0.5, "1", None, True, [1]])
def test_a_format_that_is_no_number_is_damage(saved: Path, number: Any) -> None:
    with pytest.raises(UsageError, match=r"m\.safetensors: is damaged: its format is .*, which is no number of a format"):
        deblurbench.load(with_header(saved, format=number))


def test_the_checksum_covers_the_format(saved: Path) -> None:
    with pytest.raises(UsageError, match=r"m\.safetensors: is damaged: .* \(its checksum differs\)"):
        deblurbench.load(with_header(saved, format=0))


def test_a_file_without_a_format_loads(saved: Path) -> None:
    tensors, metadata = load_checkpoint(saved)
    assert metadata.pop("format") == FORMAT
    safetensors.torch.save_file(tensors, saved, metadata={METADATA_KEY: json.dumps(metadata)})
    assert load_checkpoint(saved)[1]["format"] == 0
    assert all(torch.equal(tensor, tensors[name]) for name, tensor in deblurbench.load(saved).state_dict().items())


def test_files_are_written_in_the_current_format(saved: Path) -> None:
    tensors, metadata = load_checkpoint(saved)
    save_checkpoint(saved, tensors, {**metadata, "format": 0})
    assert load_checkpoint(saved)[1]["format"] == FORMAT
