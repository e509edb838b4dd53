"""The base class of layouts: the arrangement of a data set on disk, as it is downloaded."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, cast

from deblurbench.data.table import PairTable
from deblurbench.registry import LAYOUTS


@dataclass(frozen=True)
class Origin:
    """The source of a data set, its licence and its citation.

    `folder` is the name of its folder below `data/`, `kaggle` its OWNER/NAME on Kaggle.
    """

    title: str
    url: str = ""
    licence: str = ""
    citation: str = ""
    folder: str = ""
    kaggle: str = ""


class Layout(ABC):
    """Reads a data set on disk, as it is downloaded. Its constructor's `path` is the folder that users give."""

    origin: ClassVar[Origin]
    is_generic: ClassVar[bool] = False  # of own images, which resembles other layouts: tried last

    @abstractmethod
    def table(self) -> PairTable:
        """The pairs in it. Raises UsageError where the folder is missing or is something else."""

    @classmethod
    @abstractmethod
    def recognise(cls, path: Path) -> list[dict[str, Any]]:
        """The constructor's arguments for each data set of this layout at `path` itself; none where it is of another layout."""


def layout_called(name: str) -> type[Layout]:
    """The layout registered under `name`."""
    return cast(type[Layout], LAYOUTS.get(name))
