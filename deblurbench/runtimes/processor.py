"""What this machine's processor is good at."""

from __future__ import annotations

import sys
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

CPU_FLAGS = Path("/proc/cpuinfo")  # of Linux
BFLOAT16_FLAGS = {"amx_bf16", "avx512_bf16", "bf16"}  # Intel's and AMD's, and Arm's


@cache
def multiplies_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 in hardware, as far as the system says; False where it does not say."""
    return bool(BFLOAT16_FLAGS & _flags())


def may_have_gpu() -> bool:
    """Whether torch might find a GPU here, without importing it: asked where only a GPU would be worth its start."""
    if find_spec("torch") and version("torch").endswith("+cpu"):
        return False
    # On Linux: NVIDIA's, AMD's, and those of Windows under WSL.
    return sys.platform != "linux" or any(found for name in ("nvidia[0-9]*", "kfd", "dxg") for found in Path("/dev").glob(name))


def _flags() -> set[str]:
    """The instruction sets of the first core."""
    try:
        with CPU_FLAGS.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                name, _, value = line.partition(":")
                if name.strip() in ("flags", "Features"):
                    return set(value.split())
    except OSError:
        pass
    return set()
