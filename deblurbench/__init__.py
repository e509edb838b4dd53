"""deblurbench: which way of deblurring is best for my photographs, and by how much?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deblurbench.version import __version__

if TYPE_CHECKING:
    from deblurbench.models.loading import load
    from deblurbench.models.restoration import RestoreOptions

__all__ = ["RestoreOptions", "__version__", "load"]


def __getattr__(name: str) -> Any:
    """Import `load` and `RestoreOptions` on first use: torch takes a second, and Ctrl+C is handled from the start."""
    if name not in __all__:
        raise AttributeError(f"module 'deblurbench' has no attribute '{name}'")
    from deblurbench.models.loading import load
    from deblurbench.models.restoration import RestoreOptions

    return {"load": load, "RestoreOptions": RestoreOptions}[name]
