"""Counter-based random numbers: functions of a key, never of previous draws."""

from __future__ import annotations

import hashlib
from typing import Annotated

import numpy as np
import torch
from annotated_types import Interval

Seed = Annotated[int, Interval(ge=-(2**63), le=2**64 - 1)]  # the range of torch's seeds


def generator(*key: int | str) -> np.random.Generator:
    """Return a counter-based generator (Philox 4x64, Salmon et al. 2011) keyed by `key`, with equal numbers on any machine."""
    return np.random.Generator(np.random.Philox(key=np.frombuffer(_hash(key, 16), dtype="<u8")))


def integer_seed(*key: int | str) -> int:
    """Return a seed in [0, 2^63) for `key`."""
    return int.from_bytes(_hash(key, 8), "little") >> 1


def seed_torch(*key: int | str) -> None:
    """Seed torch's global generators on all devices in use from `key`, for random layers of models (dropout, noise)."""
    seed = integer_seed(*key)
    torch.default_generator.manual_seed(seed)
    # Not `torch.manual_seed`, which records a stack trace at each call until CUDA is initialized.
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(seed)


def _hash(key: tuple[int | str, ...], size: int) -> bytes:
    return hashlib.blake2b(repr(key).encode(), digest_size=size).digest()
