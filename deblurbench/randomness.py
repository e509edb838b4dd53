"""Random numbers that are a function of a key, never of what was drawn before."""

from __future__ import annotations

import hashlib

import numpy as np
import torch


def generator(*key: int | str) -> np.random.Generator:
    """A counter-based generator (Philox 4x64, Salmon et al. 2011) for `key`; the same key gives the same numbers anywhere."""
    return np.random.Generator(np.random.Philox(key=np.frombuffer(_hash(key, 16), dtype="<u8")))


def torch_generator(*key: int | str) -> torch.Generator:
    """A CPU generator for `key`: noise drawn with it is the same whatever device it is then moved to."""
    return torch.Generator().manual_seed(_torch_seed(key))


def seed_torch(*key: int | str) -> None:
    """Reseed torch's own generators on all devices from `key`, for whatever draws inside a model (dropout, noise)."""
    torch.manual_seed(_torch_seed(key))


def _torch_seed(key: tuple[int | str, ...]) -> int:
    return int.from_bytes(_hash(key, 8), "little") >> 1


def _hash(key: tuple[int | str, ...], size: int) -> bytes:
    return hashlib.blake2b(repr(key).encode(), digest_size=size).digest()
