"""Progress of long work."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm


def progress_bar(iterable: Any = None, **options: Any) -> tqdm[Any]:
    """A tqdm bar that leaves no trace, shows nothing for what takes under a second, and keeps log files short."""
    interval = 0.2 if sys.stderr.isatty() else 30
    return tqdm(iterable, leave=False, delay=1, mininterval=interval, dynamic_ncols=True, **options)
