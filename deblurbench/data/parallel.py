"""The same work on many images, on all cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from deblurbench.progress import progress_bar

Argument = TypeVar("Argument")
Outcome = TypeVar("Outcome")
AT_ONCE = 64  # items that are waited for before more are begun


def in_threads(
    function: Callable[[Argument], Outcome], items: Sequence[Argument], *, doing: str, show_progress: bool = False
) -> Iterator[Outcome]:
    """`function` of each of `items`, in their order; decoders let go of the interpreter, so that threads are enough."""
    bar = progress_bar(total=len(items), desc=doing, unit="image", disable=not show_progress)
    with ThreadPoolExecutor(os.cpu_count()) as pool, bar:
        for start in range(0, len(items), AT_ONCE):
            for result in pool.map(function, items[start : start + AT_ONCE]):
                yield result
                bar.update()
