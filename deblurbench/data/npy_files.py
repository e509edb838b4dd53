"""Arrays in .npy files with a header of constant size, which are fast to open."""

from __future__ import annotations

import math
import mmap
import struct
from functools import lru_cache
from pathlib import Path

import numpy as np

from deblurbench.images.photo import Pixels

OPEN_MAPS = 256  # held open: opening one takes as long as cropping a patch from it
NPY_VERSION = b"\x93NUMPY\x01\x00"
NPY_HEADER = 128  # bytes, padded


def bytes_needed(shape: tuple[int, ...], dtype: str) -> int:
    """The size of the file that `as_npy` makes of such an array."""
    return NPY_HEADER + math.prod(shape) * np.dtype(dtype).itemsize


def as_npy(pixels: Pixels) -> bytes:
    """`pixels` as a .npy file (format 1.0), with a header of NPY_HEADER bytes, so that it need not be parsed."""
    description = f"{{'descr': '{pixels.dtype.str}', 'fortran_order': False, 'shape': {pixels.shape}, }}"
    length = NPY_HEADER - len(NPY_VERSION) - 2
    header = NPY_VERSION + struct.pack("<H", length) + description.ljust(length - 1).encode() + b"\n"
    return header + pixels.tobytes()


def opened(file: Path, shape: tuple[int, ...], dtype: str) -> Pixels:
    """The array in a file of `as_npy` as a read-only memory map; numpy's own takes several times as long to open.

    Raises OSError, and ValueError where the file is of another size.
    """
    with file.open("rb") as there:
        memory = mmap.mmap(there.fileno(), 0, access=mmap.ACCESS_READ)
    if len(memory) != bytes_needed(shape, dtype):
        raise ValueError(f"{file} holds {len(memory)} bytes")
    return np.frombuffer(memory, dtype, math.prod(shape), NPY_HEADER).reshape(shape)


mapped = lru_cache(maxsize=OPEN_MAPS)(opened)  # for reading again and again
