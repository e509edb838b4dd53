"""Recognising the layout of a folder."""

from __future__ import annotations

from pathlib import Path

from deblurbench.data.layouts.base import layout_called
from deblurbench.data.layouts.directory_tree import folders_below
from deblurbench.data.layouts.side_names import ACCEPTED
from deblurbench.data.layouts.unnamed_pairs import require_no_unnamed_pairs
from deblurbench.errors import UsageError
from deblurbench.images.photo import images_below, is_image_name
from deblurbench.registry import LAYOUTS, Spec

PAIRED = "paired-folder"


def recognise(path: Path) -> list[Spec]:
    """Find the data sets at or below `path`. Returns `layout` sections of an experiment, in the order of their names.

    Layouts of published sets are tried first, in every folder from the nearest down; those of own images only where none
    of them fits. Raises UsageError where none fits, and where folders hold pairs and do not tell which side is blurred.
    """
    if not path.exists():
        raise UsageError(f"{path}: there is no such file or folder")
    candidates = [path] if path.is_file() else list(folders_below(path))
    for generic in (False, True):
        layouts = [(name, layout_called(name)) for name in LAYOUTS.names() if layout_called(name).is_generic == generic]
        found: list[Spec] = []
        taken: list[Path] = []
        for folder in candidates:
            if any(folder.is_relative_to(other) for other in taken):
                continue
            here = [{"name": name, **arguments} for name, layout in layouts for arguments in layout.recognise(folder)]
            if generic and not any(spec["name"] == PAIRED for spec in here):
                require_no_unnamed_pairs(folder)
            if here:
                found += here
                taken.append(folder)
        if found:
            return found
    if path.is_file() and is_image_name(path):
        raise UsageError(f"{path}: is one photograph; give the folder of a data set, or restore it with deblurbench deblur")
    if path.is_dir() and not images_below(path):
        raise UsageError(f"{path}: holds no images, nor do folders below it; own pairs go into two folders, {ACCEPTED}")
    known = ", ".join(LAYOUTS.names())
    raise UsageError(f"{path}: no layout knows this ({known}); own pairs go into two folders, {ACCEPTED}")
