"""A function applied to many images, on all cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from deblurbench.progress import progress_bar

Argument = TypeVar("Argument")
Outcome = TypeVar("Outcome")
BATCH = 64  # items whose results are awaited before more are submitted


def in_threads(
    function: Callable[[Argument], Outcome], items: Sequence[Argument], *, description: str, show_progress: bool = False
) -> Iterator[Outcome]:
    """Yield `function(item)` for each of `items`, in order. Threads are enough, since decoders release the interpreter lock."""
    bar = progress_bar(total=len(items), desc=description, unit="image", disable=not show_progress)
    with ThreadPoolExecutor(os.cpu_count()) as pool, bar:
        for start in range(0, len(items), BATCH):
            for result in pool.map(function, items[start : start + BATCH]):
                yield result
                bar.update()
