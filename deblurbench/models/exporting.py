"""Export of a trained network: to ONNX, or to float16 weights with a graph that reads them."""

from __future__ import annotations

import json
import struct
import tempfile
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from deblurbench.checkpoint import load_checkpoint, save_checkpoint
from deblurbench.errors import DeblurbenchError, UsageError, one_line
from deblurbench.files import write_whole
from deblurbench.models.base import Restorer
from deblurbench.models.loading import load
from deblurbench.models.regression import Regression
from deblurbench.models.windows import gives_image, scales_of, sees_whole_image, tile_context
from deblurbench.registry import NETWORKS
from deblurbench.runtimes.onnx_network import METADATA, OnnxFacts, is_installed, open_onnx

OPSET = 20
SIZES = (64, 64), (96, 160), (256, 128)  # roughly, of the images on which the exported network is checked
TOLERANCE = 1e-4  # the largest difference from torch, of values in [0, 1]
LARGEST_BLOCKS = 4096  # blocks of `multiple` pixels a side: the largest image that the graph is declared for


class _Finest(nn.Module):
    """The finest scale of a network's output."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        return scales_of(self.network(image))[0]


def require_exportable(model: Restorer, where: str) -> Regression:
    """`model`, where one call of one network restores. Raises UsageError for another, and where packages are missing."""
    if not isinstance(model, Regression):
        raise UsageError(f"{where}: is no CNN or GAN; only a network that restores in one call can be exported")
    if model.self_ensemble or model.pooling_window:
        raise UsageError(f"{where}: restores by {model.inference}, which no exported network does; export it without")
    if not (find_spec("onnx") and find_spec("onnxscript") and is_installed("onnxruntime")):
        raise UsageError("--to: export needs onnx, onnxscript and onnxruntime; run: pip install 'deblurbench[export]'")
    return model


def export_onnx(model: Regression, path: Path) -> float:
    """Write the network of `model` to the ONNX file `path`. Returns its largest difference from torch on a few sizes.

    Its input and output are (1, 3, H, W) in [0, 1], of any multiple of what its metadata say. Raises DeblurbenchError where
    ONNX Runtime computes something else than torch; nothing is written then.
    """
    model = model.to("cpu").eval()
    content = _graph(model).SerializeToString()
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "network.onnx"
        draft.write_bytes(content)
        difference = _difference(model, draft)
    _require_equal(difference, path)
    write_whole(path, content)
    return difference


def export_float16(model: Regression, spec: dict[str, Any], path: Path) -> float:
    """Write the weights of `model` in float16 to the checkpoint `path`, and beside it a graph (.onnx) that reads them.

    Either needs the checkpoint; the graph has its name. Returns the largest difference between torch and ONNX Runtime.
    """
    half = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in model.restoring_state().items()}
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / path.name
        save_checkpoint(draft, half, {"model": spec})
        rounded = load(draft)
        assert isinstance(rounded, Regression)  # as what was saved
        graph = draft.with_suffix(".onnx")
        graph.write_bytes(_with_external_weights(_graph(rounded), draft).SerializeToString())
        difference = _difference(rounded, graph)
        _require_equal(difference, path)
        write_whole(path, draft.read_bytes())
        write_whole(path.with_suffix(".onnx"), graph.read_bytes())
    return difference


def _graph(model: Regression) -> Any:
    """The network as an ONNX model, with all weights in it."""
    multiple = getattr(model.network, "multiple", 1)
    height, width = (torch.export.Dim(side, min=1, max=LARGEST_BLOCKS) for side in ("rows", "columns"))
    example = torch.rand(1, 3, 8 * multiple, 12 * multiple)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the exporter about itself
            program = torch.onnx.export(
                _Finest(model.network), (example,), dynamo=True, opset_version=OPSET, verbose=False,
                input_names=["image"], output_names=["output"], dynamic_shapes=({2: multiple * height, 3: multiple * width},),
            )  # fmt: skip
    except Exception as error:  # of many types
        name = NETWORKS.name_of(model.network)
        cause = (str(error.__cause__ or error).strip().splitlines() or [type(error).__name__])[0]
        raise DeblurbenchError(f"network '{name}' cannot be exported to ONNX by this torch: {cause}") from error
    assert program is not None  # with `dynamo`
    proto = program.model_proto
    facts = OnnxFacts(
        multiple=multiple,
        is_residual=not gives_image(model.network),
        is_local=not sees_whole_image(model.network),
        tile_context=tile_context(model.network),
    )
    del proto.metadata_props[:]
    proto.metadata_props.add(key=METADATA, value=facts.as_text())
    for part in (*proto.graph.input, *proto.graph.output, *proto.graph.node, *proto.graph.value_info, *proto.graph.initializer):
        del part.metadata_props[:]  # where in the source it came from
        part.doc_string = ""
    return proto


def _with_external_weights(proto: Any, checkpoint: Path) -> Any:
    """`proto` with the float16 tensors of `checkpoint` in place of its own weights, cast to float32 as the graph is loaded."""
    from onnx import TensorProto, helper, numpy_helper

    places = _places(checkpoint)
    tensors = load_checkpoint(checkpoint)[0]
    kept, casts = [], []
    for initializer in proto.graph.initializer:
        name = initializer.name
        tensor = tensors.get(name)
        if (
            tensor is None
            or tensor.dtype != torch.float16
            or not np.array_equal(numpy_helper.to_array(initializer), tensor.float().numpy())
        ):
            kept.append(initializer)
            continue
        half = TensorProto(name=f"{name}.float16", data_type=TensorProto.FLOAT16, dims=tensor.shape)
        half.data_location = TensorProto.EXTERNAL
        start, stop = places[name]
        for key, value in (("location", checkpoint.name), ("offset", start), ("length", stop - start)):
            half.external_data.add(key=key, value=str(value))
        kept.append(half)
        casts.append(helper.make_node("Cast", [half.name], [name], to=TensorProto.FLOAT))
    nodes = list(proto.graph.node)
    del proto.graph.initializer[:], proto.graph.node[:]
    proto.graph.initializer.extend(kept)
    proto.graph.node.extend([*casts, *nodes])
    return proto


def _places(checkpoint: Path) -> dict[str, tuple[int, int]]:
    """Where the bytes of each tensor lie in a safetensors file: eight bytes with the length of its header, which lists them."""
    with checkpoint.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    return {
        name: (8 + length + facts["data_offsets"][0], 8 + length + facts["data_offsets"][1]) for name, facts in header.items()
    }


def _difference(model: Regression, path: Path) -> float:
    """The largest difference between torch and ONNX Runtime on images of noise."""
    network = open_onnx(path)
    generator, largest = torch.Generator().manual_seed(0), 0.0
    for size in SIZES:
        height, width = (max(side // network.multiple, 1) * network.multiple for side in size)
        image = torch.rand(1, 3, height, width, generator=generator)
        with torch.inference_mode():
            expected = _Finest(model.network)(image).numpy()
        try:
            largest = max(largest, float(np.abs(network(image.numpy()) - expected).max()))
        except Exception as error:  # of types that only the runtime knows
            raise DeblurbenchError(f"ONNX Runtime cannot run it on {height}x{width} pixels ({one_line(error)})") from error
    return largest


def _require_equal(difference: float, path: Path) -> None:
    if not difference <= TOLERANCE:
        raise DeblurbenchError(
            f"{path}: not written: ONNX Runtime's output differs from torch's by up to {difference:.2g}, over {TOLERANCE:g}"
        )
