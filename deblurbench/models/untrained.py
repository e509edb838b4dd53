"""What restores without having learned."""

from __future__ import annotations

from collections.abc import Iterator

from deblurbench.batch import Batch
from deblurbench.models.base import Model, Turn


class Untrained(Model):
    """A model without parameters or players."""

    restoring_modules: tuple[str, ...] = ()

    def losses(self, batch: Batch, step: int) -> Iterator[Turn]:
        yield from ()
