"""Progress bars."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm


def progress_bar(iterable: Any = None, **options: Any) -> tqdm[Any]:
    """Return a tqdm bar that disappears when done, starts after a second, and updates rarely in log files."""
    interval = 0.2 if sys.stderr.isatty() else 30
    return tqdm(iterable, leave=False, delay=1, mininterval=interval, dynamic_ncols=True, **options)
