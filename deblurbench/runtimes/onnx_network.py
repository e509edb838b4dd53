"""A network in an ONNX file, run by ONNX Runtime or OpenVINO."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from deblurbench.errors import UsageError, one_line
from deblurbench.images.tiles import CONTEXT
from deblurbench.runtimes.pixels import Planes

Runtime = Literal["onnxruntime", "openvino"]
METADATA = "deblurbench"  # the key of our facts in the metadata of an ONNX file
EXTRAS = {"onnxruntime": "onnx", "openvino": "openvino"}  # what is to be installed for each
RUNTIMES: tuple[Runtime, ...] = ("openvino", "onnxruntime")  # the fastest first
Run = Callable[[Planes], Planes]


@dataclass(frozen=True, kw_only=True)
class OnnxFacts:
    """What must be known of a network besides its file.

    Its input's sides are multiples of `multiple`. It returns a residual of its input, or an image. Its values are in
    `value_range` = (black, white). Where it `is_local` a pixel depends only on what is near it, so that tiles change nothing
    that see `tile_context` pixels around their cores.
    """

    multiple: int = 1
    is_residual: bool = False
    value_range: tuple[float, float] = (0.0, 1.0)
    is_local: bool = False
    tile_context: int = CONTEXT

    def as_text(self) -> str:
        """The facts as they stand in the metadata of a file."""
        facts = {
            "multiple": self.multiple, "residual": self.is_residual, "value_range": self.value_range, "local": self.is_local,
            "tile_context": self.tile_context,
        }  # fmt: skip
        return json.dumps(facts)

    @classmethod
    def from_text(cls, text: str) -> OnnxFacts:
        """The facts in the metadata of a file that we wrote. Raises ValueError where they are none."""
        try:
            facts = json.loads(text)
            black, white = map(float, facts["value_range"])
            return cls(
                multiple=int(facts["multiple"]), is_residual=bool(facts["residual"]), value_range=(black, white),
                is_local=bool(facts["local"]), tile_context=int(facts.get("tile_context", CONTEXT)),
            )  # fmt: skip
        except (KeyError, TypeError) as error:
            raise ValueError(f"its metadata are incomplete ({one_line(error)})") from error


class OnnxNetwork:
    """A network in an ONNX file, called as a `PixelNetwork`; `is_described` where the file itself says what its `facts` are."""

    def __init__(self, run: Run, facts: OnnxFacts, *, is_described: bool) -> None:
        self._run, self.facts, self.is_described = run, facts, is_described

    @property
    def multiple(self) -> int:
        """What its input's sides must be multiples of."""
        return self.facts.multiple

    @property
    def tile_context(self) -> int:
        """How many pixels around the core of a tile it is to see."""
        return self.facts.tile_context

    @property
    def is_residual(self) -> bool:
        """Whether its output is to be added to its input."""
        return self.facts.is_residual

    def __call__(self, image: Planes) -> Planes:
        black, white = self.facts.value_range
        scale = np.float32(white - black)
        if (black, white) == (0.0, 1.0):
            return self._run(image)
        output = self._run(image * scale + np.float32(black))
        return output / scale if self.is_residual else (output - np.float32(black)) / scale


def is_installed(runtime: Runtime) -> bool:
    """Whether a runtime can be imported."""
    return find_spec(runtime) is not None


def open_onnx(
    path: Path, runtime: Runtime = "onnxruntime", *, threads: int | None = None, known: Mapping[str, Any] = MappingProxyType({})
) -> OnnxNetwork:
    """Open the network at `path`; `known` facts replace those in the file.

    Raises UsageError where the file is no network from one image to one, or the runtime is not installed.
    """
    if not path.is_file():
        raise UsageError(f"{path}: there is no such file; give an ONNX file")
    if not is_installed(runtime):
        raise UsageError(f"{path}: needs {runtime}; run: pip install 'deblurbench[{EXTRAS[runtime]}]'")
    opening = _open_with_onnxruntime if runtime == "onnxruntime" else _open_with_openvino
    try:
        run, text = opening(path, threads)
        facts = OnnxFacts.from_text(text) if text else OnnxFacts()
    except UsageError:
        raise
    except Exception as error:  # of types that only the runtime knows
        raise UsageError(f"{path}: cannot be read as an ONNX network ({one_line(error)})") from error
    return OnnxNetwork(run, replace(facts, **known), is_described=bool(text))


def _open_with_onnxruntime(path: Path, threads: int | None) -> tuple[Run, str]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what matters is raised
    options.enable_mem_pattern = False  # one is kept for each size, for ever
    if threads is not None:
        options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    inputs, outputs = session.get_inputs(), session.get_outputs()
    _require_image_to_image(path, [one.shape for one in inputs], [one.shape for one in outputs], [one.type for one in inputs])
    name, wanted = inputs[0].name, [outputs[0].name]

    def run(image: Planes) -> Planes:
        result: Planes = session.run(wanted, {name: image})[0]
        return result

    return run, session.get_modelmeta().custom_metadata_map.get(METADATA, "")


def _open_with_openvino(path: Path, threads: int | None) -> tuple[Run, str]:
    import openvino

    model = openvino.Core().read_model(path)
    inputs, outputs = (
        [[None if axis.is_dynamic else axis.get_length() for axis in port.partial_shape] for port in ports]
        for ports in (model.inputs, model.outputs)
    )
    types = ["float" if port.element_type.to_string() == "f32" else port.element_type.to_string() for port in model.inputs]
    _require_image_to_image(path, inputs, outputs, types)
    limits = {} if threads is None else {"INFERENCE_NUM_THREADS": threads}
    # By itself it takes bfloat16 where the processor has it, which changes values of a network that sharpens by up to 3 of 255.
    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32", **limits}
    compiled = openvino.compile_model(model, "CPU", options)

    def run(image: Planes) -> Planes:
        result: Planes = compiled(image)[0].copy()  # the next call writes into the same memory
        return result

    place = ["framework", METADATA]
    return run, model.get_rt_info(place).astype(str) if model.has_rt_info(place) else ""


def _require_image_to_image(path: Path, inputs: list[Any], outputs: list[Any], types: list[str]) -> None:
    """Raise UsageError unless it has one input and output of (B, 3, H, W), any B, H and W, in float32."""
    for side, shapes in (("input", inputs), ("output", outputs)):
        if len(shapes) != 1:
            raise UsageError(f"{path}: has {len(shapes)} {side}s; give a network from one image to one")
        if len(shapes[0]) != 4 or (shapes[0][1] not in (3, None) and not isinstance(shapes[0][1], str)):
            raise UsageError(f"{path}: its {side} has the shape {shapes[0]}, not (1, 3, height, width)")
        if any(isinstance(side_length, int) and side_length > 0 for side_length in shapes[0][2:]):
            raise UsageError(f"{path}: its {side} has the fixed size {shapes[0][2:]}; export it with dynamic sizes")
    if "float" not in types[0] or "float16" in types[0]:
        raise UsageError(f"{path}: its input is of {types[0]}, not float32")
