"""deblurbench: which way of deblurring is best for my photographs, and by how much?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deblurbench.version import __version__

if TYPE_CHECKING:
    from deblurbench.apps.deblur_image import deblur
    from deblurbench.models.loading import load
    from deblurbench.models.restoration import RestoreOptions

__all__ = ["RestoreOptions", "__version__", "deblur", "load"]


def __getattr__(name: str) -> Any:
    """Import these on first use: torch takes a second, and Ctrl+C is handled from the start."""
    if name == "deblur":
        from deblurbench.apps.deblur_image import deblur

        return deblur
    if name == "load":
        from deblurbench.models.loading import load

        return load
    if name == "RestoreOptions":
        from deblurbench.models.restoration import RestoreOptions

        return RestoreOptions
    raise AttributeError(f"module 'deblurbench' has no attribute '{name}'")
