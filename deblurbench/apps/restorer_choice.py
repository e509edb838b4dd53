"""The choice of what restores photographs, and of the fastest way through its network that is exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from deblurbench.apps.photo_restorers import ModelRestorer, NetworkRestorer, PhotoRestorer, Restoring
from deblurbench.errors import UsageError
from deblurbench.runtimes.onnx_network import RUNTIMES, Runtime, is_installed, open_onnx
from deblurbench.runtimes.processor import may_have_gpu, multiplies_bfloat16
from deblurbench.weights.shipped import DEFAULT, find_shipped, suggest_shipped, weights_path

if TYPE_CHECKING:
    import torch

    from deblurbench.models.base import Restorer

ONNX = ".onnx"
# Megapixels below which a runtime without torch is done before torch is imported.
WORTH_TORCH = 2.0


@dataclass(frozen=True)
class Choice:
    """What restores, and lines about the choice."""

    restorer: PhotoRestorer
    lines: Sequence[str] = ()


def require_one_source(model: str | None, results: Path | None, dataset: str | None) -> None:
    """Raise UsageError where options of `deblur` name two things that restore, or a data set of none."""
    if model is not None and results is not None:
        raise UsageError("--model, --results: give one of them: what restores, or a results folder whose winner is taken")
    if dataset is not None and results is None:
        raise UsageError("--dataset: needs --results, the folder whose winner on that data set is taken")


def choose_restorer(source: str | None, how: Restoring, megapixels: float) -> Choice:
    """The restorer of `source`: shipped weights by name (None: `photo`), a checkpoint, or an ONNX file.

    `megapixels`, of all that is to be restored, decide whether importing torch is worth its time. Raises UsageError.
    """
    source = DEFAULT if source is None else source
    shipped = find_shipped(source)
    if shipped is None and not Path(source).expanduser().exists() and not Path(source).suffix:
        raise UsageError(f"--model: '{source}' is neither a file nor the name of weights that ship{suggest_shipped(source)}")
    if Path(source).suffix.lower() == ONNX:
        if how.device not in ("auto", "cpu"):
            raise UsageError(f"--device: {how.device}: an ONNX file is run on the CPU; leave the option out")
        return Choice(_with_onnx(Path(source).expanduser(), "onnxruntime", how))
    if shipped is not None and (runtime := _runtime_without_torch(how, megapixels)):
        return Choice(_with_onnx(shipped.graph, runtime, how))
    if not find_spec("torch"):
        raise UsageError(f"--model: '{source}' needs PyTorch here; run: pip install torch torchvision")
    from deblurbench.models.loading import load

    return Choice(_with_torch(load(weights_path(source)), how))


def choose_winner(results: Path, dataset: str | None, how: Restoring) -> Choice:
    """The winner of a results folder, and what to know of it. Raises UsageError."""
    from deblurbench.apps.winner import find_winner, load_winner
    from deblurbench.devices import find_device

    winner = find_winner(results, dataset)
    lines = [f"with the winner of {results}: {winner.title}{winner.rivals}"]
    if not winner.beats_input:
        lines.append("note: on its test photographs it is not significantly better than doing nothing")
    return Choice(_with_torch(load_winner(results, winner, find_device(how.device)), how), lines)


def _runtime_without_torch(how: Restoring, megapixels: float) -> Runtime | None:
    """The runtime that is faster than torch for so much work, where there is one."""
    if how.device not in ("auto", "cpu"):
        return None
    if find_spec("torch") and (
        (how.device == "auto" and may_have_gpu()) or (multiplies_bfloat16() and megapixels > WORTH_TORCH)
    ):
        return None
    return next((runtime for runtime in RUNTIMES if is_installed(runtime)), None)


def _with_onnx(path: Path, runtime: Runtime, how: Restoring) -> PhotoRestorer:
    network = open_onnx(path, runtime)
    return NetworkRestorer(network, runtime, how, network.facts.is_local)


def _with_torch(model: Restorer, how: Restoring) -> PhotoRestorer:
    from deblurbench.devices import find_device
    from deblurbench.models.torch_network import TorchNetwork, is_local

    device = find_device(how.device)
    if is_local(model):
        network = TorchNetwork(model, device, bfloat16=_is_fast_in_bfloat16(device))
        return NetworkRestorer(network, network.way, how)
    return ModelRestorer(model.to(device), device, how)


def _is_fast_in_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware."""
    import torch

    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and multiplies_bfloat16()
