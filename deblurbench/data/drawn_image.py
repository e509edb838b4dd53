"""Images that code draws: nothing to download, and the same for everybody."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from deblurbench.images.photo import Pixels

SIDE, SUPERSAMPLING = 512, 2  # pixels a side; each is the mean of SUPERSAMPLING^2 finer ones, against aliasing
IMAGES_IN_MEMORY = 64  # of each series, 0.75 MiB each


@dataclass(frozen=True, slots=True)
class DrawnImage(ABC):
    """Image `number` of an endless series called `series`, which `drawing` identifies: all that its images depend on."""

    series: ClassVar[str]
    drawing: ClassVar[str]

    number: int

    def __str__(self) -> str:
        return f"{self.series} {self.number}"

    @property
    def key(self) -> str:
        """The name of the image in a table."""
        return str(self).replace(" ", "-")

    @property
    def file_digest(self) -> str:
        """A digest that identifies the image."""
        return f"{self.drawing}[{self.number}]"

    @property
    def size(self) -> tuple[int, int]:
        """(H, W), known before it is drawn."""
        return SIDE, SIDE

    @abstractmethod
    def pixels(self) -> Pixels:
        """(SIDE, SIDE, 3) uint8, read-only."""
