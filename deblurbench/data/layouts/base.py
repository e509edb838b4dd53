"""The base class of layouts: how a data set lies on disk, as it is downloaded."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, cast

from deblurbench.data.table import PairTable
from deblurbench.registry import LAYOUTS


@dataclass(frozen=True)
class Origin:
    """Where a data set comes from, what may be done with it, and whom to cite.

    `folder` is what its folder below `data/` is called here, `kaggle` its owner and name there.
    """

    title: str
    url: str = ""
    licence: str = ""
    citation: str = ""
    folder: str = ""
    kaggle: str = ""


class Layout(ABC):
    """Reads what lies on disk, as downloaded. Its constructor's `path` is the folder that people would name."""

    origin: ClassVar[Origin]
    is_generic: ClassVar[bool] = False  # of own images, which other layouts may look like too: asked last

    @abstractmethod
    def table(self) -> PairTable:
        """The pairs in it. Raises UsageError where the folder is missing or is something else."""

    @classmethod
    @abstractmethod
    def recognise(cls, path: Path) -> list[dict[str, Any]]:
        """The constructor's arguments for each data set of this layout at `path` itself; none where it is something else."""


def layout_called(name: str) -> type[Layout]:
    """The layout registered under `name`."""
    return cast(type[Layout], LAYOUTS.get(name))
