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
from deblurbench.weights.shipped import DEFAULT, find_shipped, weights_path

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
    if shipped is None:
        weights_path(source)  # which refuses what is neither a name nor a file
    if Path(source).suffix.lower() == ONNX:
        if how.device not in ("auto", "cpu"):
            raise UsageError(f"--device: {how.device}: an ONNX file is run on the CPU; leave the option out")
        return _from_onnx_file(Path(source).expanduser(), how)
    if shipped is not None and (runtime := _runtime_without_torch(how, megapixels)):
        return Choice(_with_onnx(shipped.graph, runtime, how))
    if not find_spec("torch"):
        raise UsageError(f"--model: '{source}' needs PyTorch here; run: pip install torch torchvision")
    from deblurbench.devices import find_device
    from deblurbench.models.loading import load

    device = find_device(how.device)
    if shipped is not None and device.type == "cpu" and not multiplies_bfloat16() and (runtime := _installed_runtime()):
        return Choice(_with_onnx(shipped.graph, runtime, how))  # there is no GPU after all, and torch is slower
    return Choice(_with_torch(load(weights_path(source)), how, is_known_to_be_exact=shipped is not None))


def _from_onnx_file(path: Path, how: Restoring) -> Choice:
    """The restorer of an ONNX file; what is taken for granted of one that does not say it is said."""
    network = open_onnx(path, "onnxruntime")
    note = (
        f"note: {path} does not say how it is to be called: it is given images of any size in [0, 1], and its output is taken "
        "as the image; a model {name: onnx, file: ...} of an experiment may be told otherwise"
    )
    restorer = NetworkRestorer(network, "onnxruntime", how, network.facts.is_local)
    return Choice(restorer, [] if network.is_described else [note])


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
    return _installed_runtime()


def _installed_runtime() -> Runtime | None:
    return next((runtime for runtime in RUNTIMES if is_installed(runtime)), None)


def _with_onnx(path: Path, runtime: Runtime, how: Restoring) -> PhotoRestorer:
    network = open_onnx(path, runtime)
    return NetworkRestorer(network, runtime, how, network.facts.is_local)


def _with_torch(model: Restorer, how: Restoring, *, is_known_to_be_exact: bool = False) -> PhotoRestorer:
    """The restorer of `model` with torch; in bfloat16 where the device is fast in it and that changes as good as nothing."""
    from deblurbench.devices import find_device
    from deblurbench.models.torch_network import TorchNetwork, is_local, restores_alike

    device = find_device(how.device)
    if is_local(model):
        network = TorchNetwork(model, device, bfloat16=_is_fast_in_bfloat16(device))
        if network.in_bfloat16 and not is_known_to_be_exact:
            exact = TorchNetwork(model, device, bfloat16=False)
            network = network if restores_alike(network, exact) else exact
        return NetworkRestorer(network, network.way, how)
    return ModelRestorer(model.to(device), device, how)


def _is_fast_in_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware."""
    import torch

    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and multiplies_bfloat16()
