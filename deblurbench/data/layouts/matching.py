"""Matching the sides of pairs: by file name, never by listing order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from deblurbench.images.photo import list_images

Pairs = list[tuple[str, Path, Path]]  # (name, blurred, sharp)


def match_folders(blurred: Path, sharp: Path) -> tuple[Pairs, list[str]]:
    """Pairs of files with the same stem, and a problem for every folder or counterpart that is missing."""
    missing = [f"{folder}: there is no such folder" for folder in (blurred, sharp) if not folder.is_dir()]
    return ([], missing) if missing else match_by_name(list_images(blurred), list_images(sharp))


def match_by_name(blurred: Sequence[Path], sharp: Sequence[Path]) -> tuple[Pairs, list[str]]:
    """Pairs of files with the same stem, and a problem for every file without a counterpart."""
    problems: list[str] = []
    pairs, unmatched = match_by_key(_by_stem(blurred, problems), _by_stem(sharp, problems), ("blurred", "sharp"))
    return pairs, problems + unmatched


def match_by_key(first: Mapping[str, Path], second: Mapping[str, Path], sides: tuple[str, str]) -> tuple[Pairs, list[str]]:
    """Pairs of files with the same key, and a problem for every file without a counterpart; `sides` are their names."""
    problems: list[str] = []
    for mine, others, side in ((first, second, sides[1]), (second, first, sides[0])):
        alike = {stem.lower(): path for stem, path in others.items()}
        for stem, path in mine.items():
            if stem not in others:
                hint = f"; {alike[stem.lower()].name} differs in case: rename one" if stem.lower() in alike else ""
                problems.append(f"{path}: has no {side} counterpart named '{stem}'{hint}")
    return [(key, path, second[key]) for key, path in first.items() if key in second], problems


def _by_stem(paths: Sequence[Path], problems: list[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in paths:
        if path.stem in found:
            problems.append(f"{path}: has the same name as {found[path.stem].name} but for the suffix")
        else:
            found[path.stem] = path
    return found
