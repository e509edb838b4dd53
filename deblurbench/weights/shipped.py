"""The registry of the weights that ship with deblurbench: by name, each with revision, files, hash and model card."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from deblurbench.errors import DeblurbenchError, UsageError, suggestion
from deblurbench.files import file_hash, read_json

FOLDER = Path(__file__).parent
REGISTRY = FOLDER / "registry.json"
DEFAULT = "photo"  # what `deblurbench deblur` restores with


@dataclass(frozen=True, kw_only=True)
class ShippedWeights:
    """Weights that come with deblurbench: what they are for, and how to recognise them.

    `revision` counts up whenever they are made anew; `format` is that of the checkpoint, `files` holds the SHA-256 of each
    file, and `card` is the place of the model card in the documentation.
    """

    name: str
    purpose: str
    revision: int
    format: int
    files: dict[str, str]
    card: str

    @property
    def checkpoint(self) -> Path:
        """The float16 weights. Raises DeblurbenchError where the file is not the one that was shipped."""
        return self._whole(f"{self.name}.safetensors")

    @property
    def graph(self) -> Path:
        """The network as an ONNX graph, which reads the weights from the checkpoint beside it. Raises as `checkpoint` does."""
        self._whole(f"{self.name}.safetensors")
        return self._whole(f"{self.name}.onnx")

    def _whole(self, file: str) -> Path:
        path = FOLDER / file
        if not path.is_file() or file_hash(path) != self.files[file]:
            raise DeblurbenchError(f"{path}: is missing or was changed since it was installed; install deblurbench again")
        return path


@cache
def shipped_weights() -> dict[str, ShippedWeights]:
    """All of them by name, in the order of the registry."""
    return {name: ShippedWeights(name=name, **facts) for name, facts in read_json(REGISTRY).items()}


def find_shipped(source: str | Path) -> ShippedWeights | None:
    """The weights called `source`, where they ship; a path is none of them, so `./photo` is always a file."""
    return shipped_weights().get(str(source))


def weights_path(source: str | Path) -> Path:
    """The checkpoint of the shipped weights called `source`, else `source` itself as a path.

    Raises UsageError where it is neither a name nor looks like a file.
    """
    if shipped := find_shipped(source):
        return shipped.checkpoint
    path = Path(source).expanduser()
    if not path.suffix and not path.exists():
        raise UsageError(
            f"'{source}' is neither a file nor the name of weights that ship{suggestion(str(source), shipped_weights())}"
        )
    return path
