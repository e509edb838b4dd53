"""Exported networks compute what torch does, on every runtime and at any size; others are refused in one line."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from PIL import Image

from deblurbench.checkpoint import load_checkpoint
from deblurbench.errors import DeblurbenchError, UsageError
from deblurbench.files import read_csv
from deblurbench.models import exporting
from deblurbench.models.loading import load
from deblurbench.models.restoration import RestoreOptions
from deblurbench.models.windows import call_network
from deblurbench.registry import MODELS
from deblurbench.runtimes.onnx_network import Runtime, open_onnx
from tests.apps.test_cli import checkpoint, invoke
from tests.benchmark.running import run
from tests.conftest import TINY_UNET, tiny_network

CNN = {"name": "cnn", "network": TINY_UNET}


def add_one(path: Path, shape: list[Any] | None = None, element: int = TensorProto.FLOAT, inputs: int = 1) -> Path:
    """Somebody's network: it adds one to its input."""
    shape = shape or [1, 3, "height", "width"]
    ports = [helper.make_tensor_value_info(f"x{number}", element, shape) for number in range(inputs)]
    one = helper.make_tensor("one", element, [1], [1.0])
    graph = helper.make_graph(
        [helper.make_node("Add", ["x0", "one"], ["y"])], "g", ports, [helper.make_tensor_value_info("y", element, shape)], [one]
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    return path


@pytest.mark.parametrize("name", ["unet", "nafnet"])
def test_an_exported_network_is_that_of_torch_at_any_size(name: str, tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "m.safetensors", {"name": "cnn", "network": tiny_network(name)})
    model = exporting.require_exportable(load(path), "m")
    assert exporting.export_onnx(model, tmp_path / "m.onnx") < 1e-5
    for runtime, tolerance in (("onnxruntime", 1e-5), ("openvino", 1e-4)):
        network = open_onnx(tmp_path / "m.onnx", runtime)
        assert network.multiple == model.network.multiple
        assert network.is_residual
        for blocks in ((3, 5), (9, 4)):
            image = torch.rand(1, 3, *(network.multiple * count for count in blocks))
            with torch.inference_mode():
                expected = call_network(model.network, image).numpy()
            assert np.abs(network(image.numpy()) - expected).max() < tolerance


def test_float16_weights_are_half_as_large_and_run_with_and_without_torch(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "m.safetensors", {"name": "cnn", "network": {"name": "unet", "widths": [32, 48], "blocks": 1}})
    result = invoke("export", path, "--to", "float16", "--out", tmp_path / "half.safetensors")
    assert result.exit_code == 0, result.output
    assert f"wrote {tmp_path / 'half.safetensors'} and {tmp_path / 'half.onnx'}" in result.output
    assert (tmp_path / "half.safetensors").stat().st_size < 0.55 * path.stat().st_size
    assert (tmp_path / "half.onnx").stat().st_size < 0.3 * path.stat().st_size  # it holds no weights
    assert all(tensor.dtype == torch.float16 for tensor in load_checkpoint(tmp_path / "half.safetensors")[0].values())
    whole, half = load(path), load(tmp_path / "half.safetensors")
    image = torch.rand(1, 3, 40, 48)
    assert (whole.restore(image) - half.restore(image)).abs().max() < 2e-3
    without_torch = image.numpy() + open_onnx(tmp_path / "half.onnx")(image.numpy())
    assert np.abs(without_torch.clip(0, 1) - half.restore(image).numpy()).max() < 1e-5
    (tmp_path / "half.safetensors").unlink()
    with pytest.raises(UsageError, match=r"half.onnx: cannot be read as an ONNX network"):
        open_onnx(tmp_path / "half.onnx")


def test_a_network_that_onnx_runtime_computes_otherwise_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = checkpoint(tmp_path / "m.safetensors", CNN)
    monkeypatch.setattr(exporting, "_difference", lambda *_: 1e-3)
    with pytest.raises(
        DeblurbenchError, match=r"m.onnx: not written: ONNX Runtime's output differs from torch's by up to 0.001"
    ):
        exporting.export_onnx(exporting.require_exportable(load(path), "m"), tmp_path / "m.onnx")
    assert not (tmp_path / "m.onnx").exists()


def test_what_cannot_be_exported_is_said_in_one_line(tmp_path: Path) -> None:
    spec = {"name": "diffusion", "network": TINY_UNET}
    sampler = checkpoint(tmp_path / "d.safetensors", spec)
    ensemble = checkpoint(tmp_path / "e.safetensors", {**CNN, "self_ensemble": True})
    for path, message in ((sampler, "is no CNN or GAN"), (ensemble, "restores by x8 self-ensemble, which no exported")):
        result = invoke("export", path, "--out", tmp_path / "x.onnx")
        assert result.exit_code == 2
        assert message in result.output
    result = invoke("export", checkpoint(tmp_path / "c.safetensors", CNN), "--out", tmp_path / "x.pth")
    assert (result.exit_code, "--to onnx writes a .onnx file" in result.output) == (2, True)
    assert not (tmp_path / "x.onnx").exists()


def test_any_network_from_image_to_image_restores(tmp_path: Path) -> None:
    """Somebody's network, which works in [0, 255] and returns the whole image one step brighter."""
    file = str(add_one(tmp_path / "bright.onnx"))
    image = torch.rand(1, 3, 30, 21) * 0.9
    model = MODELS.build({"name": "onnx", "file": file, "value_range": [0.0, 255.0], "multiple": 8})
    assert torch.allclose(model.restore(image), image + 1 / 255, atol=1e-6)
    assert torch.allclose(model.restore(image, RestoreOptions(tile=256)), image + 1 / 255, atol=1e-6)
    residual = MODELS.build({"name": "onnx", "file": file, "value_range": [-1.0, 1.0], "residual": True})
    expected = (image + (2 * image - 1 + 1) / 2).clamp(0, 1)  # the output, a residual in [-1, 1], is halved
    assert torch.allclose(residual.restore(image), expected, atol=1e-6)


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inputs": 2}, "has 2 inputs; give a network from one image to one"),
        ({"shape": [1, 1, "height", "width"]}, "its input has the shape"),
        ({"shape": [1, 3, 64, 64]}, "has the fixed size"),
        ({"element": TensorProto.FLOAT16}, "its input is of"),
    ],
)
def test_what_is_no_network_from_image_to_image_is_refused(
    change: dict[str, Any], message: str, runtime: Runtime, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        open_onnx(add_one(tmp_path / "n.onnx", **change), runtime)


def test_a_network_that_enlarges_is_refused(tmp_path: Path, photo: np.ndarray) -> None:
    path = tmp_path / "twice.onnx"
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, *sides]) for name, sides in (("x", "hw"), ("y", "HW"))
    ]
    scales = helper.make_tensor("scales", TensorProto.FLOAT, [4], [1.0, 1.0, 2.0, 2.0])
    resize = helper.make_node("Resize", ["x", "", "scales"], ["y"])
    model = helper.make_model(helper.make_graph([resize], "g", ports[:1], ports[1:], [scales]))
    model.opset_import[0].version, model.ir_version = 20, 9
    onnx.save(model, path)
    Image.fromarray(photo).save(tmp_path / "cat.png")
    result = invoke("deblur", tmp_path / "cat.png", "--model", path, "--out", tmp_path / "out.png")
    assert (result.exit_code, "out.png: the network makes 1x3x600x902 of 1x3x300x451; give one" in result.output) == (1, True)
    with pytest.raises(DeblurbenchError, match=r"twice.onnx: makes \[1, 3, 16, 18\] of \[1, 3, 8, 9\]; give a network that"):
        MODELS.build({"name": "onnx", "file": str(path)}).restore(torch.rand(1, 3, 8, 9))
    result = invoke("deblur", tmp_path / "cat.png", "--model", path, "--out", tmp_path / "out.png", "--device", "cuda")
    assert (result.exit_code, "--device: cuda: an ONNX file is run on the CPU" in result.output) == (2, True)


def test_a_file_that_is_no_onnx_is_refused(tmp_path: Path) -> None:
    (tmp_path / "n.onnx").write_bytes(b"no network")
    with pytest.raises(UsageError, match=r"n.onnx: cannot be read as an ONNX network"):
        open_onnx(tmp_path / "n.onnx")
    with pytest.raises(UsageError, match=r"x.onnx: there is no such file"):
        open_onnx(tmp_path / "x.onnx")
    with pytest.raises(UsageError, match=r"value_range is \[black, white\], not \[1.0, 0.0\]"):
        MODELS.build({"name": "onnx", "file": "n.onnx", "value_range": [1.0, 0.0]})


def test_a_network_that_onnx_cannot_express_is_said_in_one_line(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "m.safetensors", {"name": "cnn", "network": tiny_network("multiscale")})
    result = invoke("export", path, "--out", tmp_path / "m.onnx")
    assert result.exit_code == 1
    assert "error: network 'multiscale' cannot be exported to ONNX by this torch: " in result.output
    assert len(result.output.strip().splitlines()) == 1
    assert not (tmp_path / "m.onnx").exists()


def test_an_experiment_compares_an_onnx_network_with_others(write_experiment: Callable[..., Path], tmp_path: Path) -> None:
    """Scored, reported, and scored anew when its file changes; and `deblur` restores with it."""
    file = add_one(tmp_path / "bright.onnx")
    path = write_experiment(models={"bright": {"name": "onnx", "file": str(file), "value_range": [0.0, 255.0]}})
    result = run(path)
    assert result.exit_code == 0, result.output
    scores = {row["model"]: float(row["psnr"]) for row in read_csv(path.parent / "out" / "comparison.csv")}
    assert scores["bright"] == pytest.approx(scores["blurred"], abs=0.5)
    assert "bright" in (path.parent / "out" / "report.md").read_text()
    shutil.copy(add_one(tmp_path / "other.onnx", ["n", 3, "height", "width"]), file)
    changed = run(path)
    assert (changed.exit_code, "--restart" in changed.output) == (2, True)
    Image.fromarray(np.full((20, 30, 3), 100, np.uint8)).save(tmp_path / "grey.png")
    result = invoke("deblur", tmp_path / "grey.png", "--model", file, "--out", tmp_path / "white.png")
    assert result.exit_code == 0, result.output
    assert np.asarray(Image.open(tmp_path / "white.png")).min() == 255  # it adds one, in [0, 1]
