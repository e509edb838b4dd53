"""deblurbench: which way of deblurring is best for my photographs, and by how much?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deblurbench.models.loading import load

__all__ = ["load"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`load`, imported when it is first asked for: torch takes a second, and Ctrl+C is listened for from the start."""
    if name != "load":
        raise AttributeError(f"module 'deblurbench' has no attribute '{name}'")
    from deblurbench.models.loading import load

    return load
