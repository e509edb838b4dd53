from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import safetensors.torch
import torch

import deblurbench
from deblurbench.checkpoint import METADATA_KEY, load_checkpoint, load_weights, save_checkpoint
from deblurbench.errors import UsageError
from deblurbench.files import write_whole
from deblurbench.models.diffusion import Diffusion
from deblurbench.models.loading import require_fitting_start, save_model, warm_start
from deblurbench.registry import MODELS
from tests.conftest import TINY_UNET, tiny_network


def saved(path: Path, **spec: object) -> Path:
    resolved = MODELS.resolve(spec)
    save_model(path, MODELS.build(resolved), resolved, step=3)
    return path


def test_restoring_parameters_can_be_changed_and_others_not(tmp_path: Path) -> None:
    path = saved(tmp_path / "d.safetensors", name="diffusion", network=TINY_UNET)
    model = deblurbench.load(path, samples=5)
    assert isinstance(model, Diffusion)
    assert model.samples == 5
    with pytest.raises(
        UsageError, match=r"residual_scale: model 'diffusion' was trained with it; only sampler, sampling_steps, samples"
    ):
        deblurbench.load(path, residual_scale=2.0)
    with pytest.raises(UsageError, match="only self_ensemble, pooling_window can"):
        deblurbench.load(saved(tmp_path / "c.safetensors", name="cnn", network=TINY_UNET), samples=2)


def test_what_is_no_checkpoint_of_ours_is_named(tmp_path: Path) -> None:
    def message(path: Path) -> str:
        with pytest.raises(UsageError) as caught:
            deblurbench.load(path)
        assert str(path) in str(caught.value)
        return str(caught.value)

    assert "there is no such checkpoint" in message(tmp_path / "missing.safetensors")
    pickled = tmp_path / "model.pt"
    pickled.write_bytes(pickle.dumps({"a": 1}))
    assert "not a whole safetensors file" in message(pickled)
    whole = saved(tmp_path / "whole.safetensors", name="cnn", network=TINY_UNET)
    half = tmp_path / "half.safetensors"
    half.write_bytes(whole.read_bytes()[:5000])
    assert "not a whole safetensors file" in message(half)
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, str(tmp_path / "other.safetensors"))
    assert "was not written by deblurbench" in message(tmp_path / "other.safetensors")
    save_checkpoint(tmp_path / "state.safetensors", {"a": torch.zeros(1)}, {"step": 1})
    assert "holds the state of a training" in message(tmp_path / "state.safetensors")


def test_weights_of_another_model_are_refused_with_the_first_difference(tmp_path: Path) -> None:
    path = saved(tmp_path / "unet.safetensors", name="cnn", network=TINY_UNET)
    tensors, metadata = load_checkpoint(path)
    save_checkpoint(path, tensors, {**metadata, "model": MODELS.resolve({"name": "cnn", "network": tiny_network("resnet")})})
    with pytest.raises(UsageError, match=r"unet\.safetensors: is the checkpoint of another model: 'blocks"):
        deblurbench.load(path)
    linear = torch.nn.Linear(2, 2)
    with pytest.raises(UsageError, match=r"the file has \(3, 2\), the model \(2, 2\)"):
        load_weights(linear, {"weight": torch.zeros(3, 2), "bias": torch.zeros(2)}, path)


def test_the_metadata_says_what_the_model_is(tmp_path: Path) -> None:
    _, metadata = load_checkpoint(saved(tmp_path / "m.safetensors", name="cnn", network=TINY_UNET))
    assert metadata["model"]["network"]["widths"] == [8, 12]
    assert metadata["step"] == 3


def test_a_warm_start_initialises_further_input_channels_with_zero(tmp_path: Path) -> None:
    """A bridge on a network without condition is a CNN's with one channel more: it starts as the CNN."""
    cnn = MODELS.build({"name": "cnn", "network": tiny_network("mimo-unet")})
    bridge = MODELS.build({"name": "bridge", "network": {**tiny_network("mimo-unet")}, "sampling_steps": 1})
    source, target = cnn.state_dict(), bridge.state_dict()
    assert target["network.stem.0.weight"].shape[1] == source["network.stem.0.weight"].shape[1] + 1
    with pytest.raises(
        UsageError, match="cannot be a start"
    ):  # where a shallow module keeps its copy of the input, more differs
        require_fitting_start(bridge, source, "cnn")
    cnn, bridge = (MODELS.build({"name": family, "network": tiny_network("dbcnn")}) for family in ("cnn", "bridge"))
    for value in cnn.parameters():
        torch.nn.init.normal_(value, std=0.1)
    bridge.sampling_steps = 1
    path = tmp_path / "cnn.safetensors"
    save_model(path, cnn, MODELS.resolve({"name": "cnn", "network": tiny_network("dbcnn")}))
    warm_start(bridge, path)
    image = torch.rand(1, 3, 24, 24)
    assert torch.allclose(bridge.restore(image), cnn.restore(image), atol=1e-5)


def flipped(path: Path, place: int) -> None:
    """Flip one bit of a file."""
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def test_a_flipped_bit_is_detected(tmp_path: Path) -> None:
    path = saved(tmp_path / "cnn.safetensors", name="cnn", network=TINY_UNET)
    whole = path.read_bytes()
    for place in (len(whole) - 1, len(whole) // 2, whole.index(b'step\\": 3') + 8):  # two weights, and the metadata
        path.write_bytes(whole)
        flipped(path, place)
        with pytest.raises(UsageError, match=r"cnn\.safetensors: is damaged: .* \(its checksum differs\); put a whole copy"):
            load_checkpoint(path)


def with_metadata(path: Path, text: str) -> Path:
    """Replace the metadata of a checkpoint, without a checksum: as in files of format 0."""
    tensors, _ = load_checkpoint(path)
    write_whole(path, safetensors.torch.save(tensors, metadata={METADATA_KEY: text}))
    return path


def test_a_checkpoint_without_a_checksum_loads(tmp_path: Path) -> None:
    path = saved(tmp_path / "cnn.safetensors", name="cnn", network=TINY_UNET)
    before, metadata = load_checkpoint(path)
    after, same = load_checkpoint(with_metadata(path, json.dumps(metadata)))
    assert same == metadata
    assert all(torch.equal(before[name], after[name]) for name in before)
    deblurbench.load(path)


CNN_SPEC = {"name": "cnn", "network": TINY_UNET}


def nested(depth: int) -> dict[str, object]:
    spec: dict[str, object] = CNN_SPEC
    for _ in range(depth):
        spec = {"name": "cascade", "stages": [spec, CNN_SPEC]}
    return spec


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({**CNN_SPEC, "network": {**TINY_UNET, "widths": [60_000, 60_000]}}, "is far larger than the weights"),
        ({**CNN_SPEC, "network": {**TINY_UNET, "blocks": 60_000}}, "is far larger than the weights"),
        ({"name": "gan", "network": TINY_UNET, "discriminator": {"name": "patch", "width": 60_000}}, "is far larger"),
        ({"name": "gan", "network": TINY_UNET, "discriminator": {"name": "patch", "layers": 60_000, "normalization": "none"}}, "is far larger"),
        ({**CNN_SPEC, "network": {**TINY_UNET, "widths": [10**30]}}, "(cannot be built|less than)"),
        ({**CNN_SPEC, "network": {**tiny_network("restormer"), "heads": [3, 1, 1, 1]}}, "network 'restormer': heads"),
        (nested(300), "has more than 50 levels of nested lists and mappings"),
        ([], "expected a model"),
        (None, "expected a model"),
    ],
)  # fmt: skip
def test_metadata_of_no_such_model_are_refused_before_there_is_memory_for_it(
    model: object, message: str, tmp_path: Path
) -> None:
    path = saved(tmp_path / "cnn.safetensors", name="cnn", network=TINY_UNET)
    with pytest.raises(UsageError, match=rf"cnn\.safetensors: .*{message}") as caught:
        deblurbench.load(with_metadata(path, json.dumps({"model": model})))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, "1" * 5000])
def test_metadata_that_are_no_object_are_damage(text: str, tmp_path: Path) -> None:
    path = saved(tmp_path / "cnn.safetensors", name="cnn", network=TINY_UNET)
    with pytest.raises(UsageError, match=r"cnn\.safetensors: is damaged: its metadata are no JSON"):
        deblurbench.load(with_metadata(path, text))
