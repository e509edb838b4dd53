"""Death by SIGKILL while a file is written."""

from __future__ import annotations

import os
import signal
from fnmatch import fnmatch
from typing import Any


def die_at(pattern: str, count: int, moment: str) -> None:
    """Let this process and its workers die at the `count`-th file that matches `pattern`, "half" written or just "after"."""
    replace, left = os.replace, count

    def replace_or_die(beside: Any, target: Any) -> None:
        nonlocal left
        left -= fnmatch(os.fspath(target), pattern)
        if left == 0 and moment == "half":
            os.truncate(beside, os.path.getsize(beside) // 2)
            os.killpg(0, signal.SIGKILL)
        replace(beside, target)
        if left == 0:
            os.killpg(0, signal.SIGKILL)

    os.replace = replace_or_die
