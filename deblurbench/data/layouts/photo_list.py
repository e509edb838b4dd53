"""A CSV that says which photographs of a folder train, validate and test."""

from __future__ import annotations

import csv
from pathlib import Path

from deblurbench.data.table import SPLITS, PairEntry, PairTable
from deblurbench.errors import UsageError
from deblurbench.files import file_hash
from deblurbench.images.photo import list_images

PACKAGE = Path(__file__).parent.parent.parent
LISTS = PACKAGE.parent / "experiments", PACKAGE / "experiments"  # in a checkout, and as installed
REQUIRED = ("file", "split")


def find_list(name: str) -> Path:
    """The list at the path `name`, or the one in `experiments/` that is called so. Raises UsageError where there is none."""
    path = Path(name).expanduser()
    found = next((place for place in (path, *(folder / f"{name}.csv" for folder in LISTS)) if place.is_file()), None)
    if found is None:
        raise UsageError(f"{path}: there is no such list of photographs; give a CSV with the columns {', '.join(REQUIRED)}")
    return found


def listed_photos(folder: Path, path: Path) -> PairTable:
    """The photographs of `folder` that the list at `path` names, with its splits and groups.

    Those that it does not name are left out, and named. Raises UsageError where one is missing, or is another file.
    """
    entries = [_entry(folder, path, line, row) for line, row in _rows(path)]
    missing = set(SPLITS) - {entry.split for entry in entries}
    if missing:
        raise UsageError(f"{path}: split: has no row of {' and '.join(sorted(missing))}; every split needs photographs")
    listed = {entry.sharp for entry in entries}
    unlisted = [photo for photo in list_images(folder) if photo not in listed]
    return PairTable(tuple(entries), tuple(f"{photo}: is not in {path}, and left out" for photo in unlisted))


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """The rows of a list with their line numbers."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            for name in REQUIRED:
                if name not in (reader.fieldnames or ()):
                    raise UsageError(f"{path}: has no column '{name}'; the first line names the columns")
            return [(reader.line_num, row) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: is no CSV in UTF-8 ({error}); save it as one") from error


def _entry(folder: Path, path: Path, line: int, row: dict[str, str]) -> PairEntry:
    name, split = row["file"], row["split"]
    if split not in SPLITS:
        raise UsageError(f"{path}: line {line}: split '{split}' is none of {', '.join(SPLITS)}")
    photo = folder / name
    if not name or not photo.is_file():
        raise UsageError(f"{path}: line {line}: {photo} is missing; give the folder that this list was made for, or no list")
    expected = row.get("sha256")
    if expected and file_hash(photo) != expected:
        raise UsageError(f"{photo}: is not the photograph of {path}, line {line} (its SHA-256 differs); put that in its place")
    return PairEntry(photo.stem, split, row.get("group") or photo.stem, sharp=photo)
