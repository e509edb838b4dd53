"""The registry of the weights that ship with deblurbench: by name, each with revision, files, hash and model card."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from deblurbench.errors import DeblurbenchError, suggestion
from deblurbench.files import file_hash, read_json

FOLDER = Path(__file__).parent
REGISTRY = FOLDER / "registry.json"
DEFAULT = "photo"  # what `deblurbench deblur` restores with


@dataclass(frozen=True, kw_only=True)
class ShippedWeights:
    """Weights that come with deblurbench: what they are for, and how to recognise them.

    `revision` counts up whenever they are made anew; `format` is that of the checkpoint, `sha256` its hash, `card` the place of
    the model card in the documentation.
    """

    name: str
    purpose: str
    revision: int
    format: int
    sha256: str
    card: str

    @property
    def checkpoint(self) -> Path:
        """The float16 weights. Raises DeblurbenchError where the file is not the one that was shipped."""
        path = FOLDER / f"{self.name}.safetensors"
        if not path.is_file() or file_hash(path) != self.sha256:
            raise DeblurbenchError(f"{path}: is missing or was changed since it was installed; install deblurbench again")
        return path

    @property
    def graph(self) -> Path:
        """The network as an ONNX graph, which reads the weights from the checkpoint beside it."""
        return self.checkpoint.with_suffix(".onnx")


@cache
def shipped_weights() -> dict[str, ShippedWeights]:
    """All of them by name, in the order of the registry."""
    return {name: ShippedWeights(name=name, **facts) for name, facts in read_json(REGISTRY).items()}


def find_shipped(source: str | Path) -> ShippedWeights | None:
    """The weights called `source`, where they ship; a path is none of them, so `./photo` is always a file."""
    return shipped_weights().get(str(source))


def weights_path(source: str | Path) -> Path:
    """The checkpoint of the shipped weights called `source`, else `source` itself as a path."""
    shipped = find_shipped(source)
    return shipped.checkpoint if shipped else Path(source).expanduser()


def suggest_shipped(source: str | Path) -> str:
    """What a message says after an unknown name: the closest of those that ship, or all of them."""
    return suggestion(str(source), shipped_weights())
