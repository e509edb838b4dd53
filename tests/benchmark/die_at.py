"""The command line, killed with -9 while it writes a file: `die_at.py PATTERN COUNT MOMENT run ...`.

The process and its workers die at the COUNT-th file that matches PATTERN, `half` way through writing it or just `after`.
"""

from __future__ import annotations

import os
import signal
import sys
from fnmatch import fnmatch
from typing import Any

from deblurbench.__main__ import main


def die_at(pattern: str, count: int, moment: str) -> None:
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


if __name__ == "__main__":
    die_at(sys.argv[1], int(sys.argv[2]), sys.argv[3])
    sys.argv[1:4] = []
    main()
