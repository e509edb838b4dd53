"""Numbers and names as text for people."""

from __future__ import annotations

import math
from collections.abc import Sequence


def counted(count: int, what: str) -> str:
    """1 image, 2 images."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def number(value: float, decimals: int) -> str:
    """A score for people."""
    return "infinite" if math.isinf(value) else f"{value:.{decimals}f}"


def short(count: float) -> str:
    """1234567 -> 1.23 M; nothing for zero."""
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count:.0f}" if count else ""


def duration(seconds: float) -> str:
    """Seconds, minutes or hours; nothing for zero."""
    if not seconds:
        return ""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def listed(names: Sequence[str]) -> str:
    """Names as in a sentence: a, b and c."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
