"""Pictures embedded in a page: each once, and shown whole, in part and enlarged by reference."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from deblurbench.files import digest
from deblurbench.report.pictures.crops import Box, Picture
from deblurbench.report.pictures.stored_pictures import has_restored, has_sharp, restored_name, sharp_name
from deblurbench.report.results import Result

QUALITY = 80  # of JPEG; the exact pixels are in the results folder
MOST_NAMED = 3  # of the missing pictures


@dataclass(frozen=True)
class PictureView:
    """A view of an embedded picture."""

    picture: str  # its name in the page
    box: Box  # the part that is shown
    caption: str


@dataclass
class EmbeddedPictures:
    """The pictures that a page embeds, by name."""

    data: dict[str, str] = field(default_factory=dict)  # data URIs
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)  # width and height
    missing: set[str] = field(default_factory=set)  # files that the page would show, and that are missing or damaged

    def note_missing(self, results: Sequence[Result], image: str, *, blurred_input: Result | None = None) -> bool:
        """Add the restored `image` of each of `results` to the missing ones, if it is; of `blurred_input` the sharp side too.

        Returns whether any is missing.
        """
        missing = {restored_name(result, image) for result in results if not has_restored(result, image)}
        if blurred_input is not None and not has_sharp(blurred_input, image):
            missing.add(sharp_name(blurred_input, image))
        self.missing |= missing
        return bool(missing)

    @property
    def missing_note(self) -> str:
        """The sentence that names missing pictures; empty without any."""
        names = sorted(self.missing)
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        what = f"Pictures that are missing or damaged, and left out: {', '.join(names[:MOST_NAMED])}{more}"
        return f"{what}; run the experiment again, which restores them." if names else ""

    def add(self, picture: Picture, caption: str, quality: int | None = QUALITY) -> PictureView:
        """Embed `picture`, unless the page has it already, and return a view of the whole; exact with a `quality` of None."""
        height, width = picture.shape[:2]
        pixels = np.ascontiguousarray(picture)
        name = ("exact" if quality is None else "p") + digest(repr(picture.shape).encode() + pixels.tobytes())
        if name not in self.data:
            buffer = io.BytesIO()
            if quality is None:
                Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
            else:
                Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling=0)
            kind = "png" if quality is None else "jpeg"
            self.data[name] = f"data:image/{kind};base64," + base64.b64encode(buffer.getvalue()).decode()
            self.sizes[name] = (width, height)
        return PictureView(name, Box(0, 0, width, height), caption)
