"""Degradation of sharp images: a blur and a camera."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from deblurbench.blur.base import Blur
from deblurbench.blur.camera import Camera
from deblurbench.registry import BLURS, CAMERAS, BlurSpec, CameraSpec, Spec

PACKAGE = "deblurbench"


@dataclass(frozen=True, eq=False, slots=True)
class Degradation:
    """A blur and the camera around it, and the resolved specs that they were built from."""

    blur: Blur
    camera: Camera
    specs: tuple[Spec, Spec]

    @classmethod
    def build(cls, blur: BlurSpec, camera: CameraSpec, where: str) -> Degradation:
        """The degradation of the `blur` and `camera` sections of `where`. Raises UsageError."""
        specs = BLURS.resolve(blur, f"{where}.blur"), CAMERAS.resolve(camera, f"{where}.camera")
        return cls(BLURS.build(specs[0], f"{where}.blur"), CAMERAS.build(specs[1], f"{where}.camera"), specs)

    @property
    def is_versioned(self) -> bool:
        """Whether the specs and BLUR_VERSION determine the result; the code of another package may change."""
        blur, camera = self.specs
        classes = [CAMERAS.get(camera["name"]), *(BLURS.get(name) for name in _names(blur))]
        return all(cls.__module__.split(".")[0] == PACKAGE for cls in classes)


def _names(spec: Any) -> Iterator[str]:
    """The names in `spec` and in the specs nested in it."""
    if isinstance(spec, list):
        for nested in spec:
            yield from _names(nested)
    elif isinstance(spec, dict):
        yield spec["name"]
        for value in spec.values():
            yield from _names(value)
