"""Numbers and names as text for people."""

from __future__ import annotations

import math
from collections.abc import Sequence


def pluralize(count: int, noun: str) -> str:
    """Return 1 image, 2 images."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def format_score(value: float, decimals: int) -> str:
    """Return a score with so many decimals; "infinite" for the PSNR of identical images."""
    return "infinite" if math.isinf(value) else f"{value:.{decimals}f}"


def format_count(count: float) -> str:
    """Return 1234567 as 1.23 M; empty for zero."""
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count:.0f}" if count else ""


def join_names(names: Sequence[str]) -> str:
    """Return names as in a sentence: a, b and c."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
