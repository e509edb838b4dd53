"""Whatever a checkpoint holds, `load` gives a model or says in one line what is wrong with it."""

from __future__ import annotations

import json
import resource
import struct
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from deblurbench import load
from deblurbench.checkpoint import METADATA_KEY, load_checkpoint
from deblurbench.errors import DeblurbenchError, one_line
from deblurbench.models.base import Restorer
from deblurbench.models.loading import save_model
from deblurbench.registry import MODELS
from tests.conftest import TINY_UNET, tiny_network
from tests.fuzz.damage import TEXTS, changed_leaves, damaged_bytes, damaged_value

CNN = {"name": "cnn", "network": TINY_UNET}
SPECS: tuple[dict[str, Any], ...] = (
    CNN,
    {"name": "cnn", "network": tiny_network("nafnet")},
    {"name": "cnn", "network": tiny_network("restormer")},
    {"name": "cnn", "network": tiny_network("resnet")},
    {"name": "gan", "network": tiny_network("fpn"), "discriminator": {"name": "double-scale", "width": 4, "global_layers": 4}},
    {"name": "diffusion", "network": tiny_network("mimo-unet"), "regressor": CNN},
    {"name": "bridge", "network": tiny_network("multiscale"), "losses": ["l1", {"name": "multi-scale", "of": "edge"}]},
    {"name": "ensemble", "members": [{"name": "cascade", "stages": [CNN, CNN]}, {"name": "classical", "method": "fir"}]},
)
SECONDS, KILOBYTES = 10, 1_000_000


@cache
def folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()


@cache
def whole(number: int) -> bytes:
    """A small valid checkpoint."""
    path = Path(folder().name) / f"{number}.safetensors"
    save_model(path, MODELS.build(SPECS[number]), MODELS.resolve(SPECS[number]), step=1, seed=0)
    return path.read_bytes()


def without_checksum(number: int) -> tuple[dict[str, Tensor], dict[str, Any]]:
    whole(number)
    tensors, metadata = load_checkpoint(Path(folder().name) / f"{number}.safetensors")
    return dict(tensors), metadata


NUMBER = st.integers(0, len(SPECS) - 1)
NAMES = [text for text in TEXTS if text.isascii()]
HEADER_LENGTHS = st.sampled_from([0, 1, 7, 2**20, 2**31, 2**63, 2**64 - 1]) | st.integers(0, 5000)
TENSORS = st.sampled_from(
    [
        torch.zeros(0), torch.zeros(()), torch.zeros(3, dtype=torch.bfloat16), torch.zeros(1, 1, 1, 1), torch.zeros(2, dtype=torch.bool),
        torch.full((8, 3, 3, 3), float("nan")), torch.zeros(2, 2, dtype=torch.int64), torch.zeros(1, dtype=torch.float8_e4m3fn),
    ]
)  # fmt: skip


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """A checkpoint that somebody or something has changed."""
    number = draw(NUMBER)
    kind = draw(st.sampled_from(["bytes", "length", "metadata", "metadata", "metadata", "text", "tensors"]))
    if kind == "bytes":
        return draw(damaged_bytes(whole(number)))
    if kind == "length":
        return struct.pack("<Q", draw(HEADER_LENGTHS)) + whole(number)[8:]
    tensors, metadata = without_checksum(number)
    text = json.dumps(metadata)
    if kind == "metadata":
        model = metadata["model"]
        text = json.dumps({"model": draw(changed_leaves(model) | changed_leaves(model) | damaged_value(model))})
    elif kind == "text":
        text = draw(damaged_bytes(text.encode())).decode("utf-8", "replace")
    else:
        name = draw(st.sampled_from(sorted(tensors)))
        taken = tensors.pop(name)
        tensors |= draw(st.just({}) | st.fixed_dictionaries({name: TENSORS}))
        tensors |= draw(st.dictionaries(st.sampled_from(NAMES), st.just(taken), max_size=1))
    return safetensors.torch.save(tensors, metadata={METADATA_KEY: text})


@settings(deadline=None)
@given(files())
def test_a_damaged_checkpoint_is_a_model_or_one_line(data: bytes) -> None:
    path = Path(folder().name) / "damaged.safetensors"
    path.unlink(missing_ok=True)  # what was loaded of it may still be read
    path.write_bytes(data)
    started, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    said = f"{path}: nothing"
    try:
        assert isinstance(load(path), Restorer)
    except DeblurbenchError as error:
        said = one_line(error)
    assert said.startswith(str(path))
    assert len(said.splitlines()) == 1
    assert time.process_time() - started < SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < KILOBYTES
