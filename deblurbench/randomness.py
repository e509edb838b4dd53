"""Random numbers that are a function of a key, never of what was drawn before."""

from __future__ import annotations

import hashlib
from typing import Annotated

import numpy as np
import torch
from annotated_types import Interval

Seed = Annotated[int, Interval(ge=-(2**63), le=2**64 - 1)]  # what torch takes


def generator(*key: int | str) -> np.random.Generator:
    """A counter-based generator (Philox 4x64, Salmon et al. 2011) for `key`; the same key gives the same numbers anywhere."""
    return np.random.Generator(np.random.Philox(key=np.frombuffer(_hash(key, 16), dtype="<u8")))


def integer_seed(*key: int | str) -> int:
    """A seed in [0, 2^63) for `key`, for whatever takes a number."""
    return int.from_bytes(_hash(key, 8), "little") >> 1


def seed_torch(*key: int | str) -> None:
    """Reseed torch's own generators on all devices in use from `key`, for whatever draws inside a model (dropout, noise)."""
    seed = integer_seed(*key)
    torch.default_generator.manual_seed(seed)
    # Not `torch.manual_seed`: where CUDA was never used it records a stack trace at each call.
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(seed)


def _hash(key: tuple[int | str, ...], size: int) -> bytes:
    return hashlib.blake2b(repr(key).encode(), digest_size=size).digest()
