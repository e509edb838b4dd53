"""Building blocks: parts of an experiment file that are files of their own in `configs/`, used by name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from deblurbench.errors import UsageError, suggestion
from deblurbench.registry import NETWORKS, abbreviate
from deblurbench.yaml_files import read_yaml

PACKAGE = Path(__file__).parent.parent
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
LONGEST_NAME = 100  # characters: file names of up to 255 bytes are made of it and more
MOST_MODELS = 200  # of an experiment, candidates of sweeps included: each is built once to be checked, before any is trained


def compose_section(path: Path, section: str, value: Any, sources: dict[str, str]) -> dict[str, Any]:
    """A section as {name: block}: given as such, or as a list of names of building blocks."""
    if isinstance(value, str):
        value = [value]
    if isinstance(value, list):
        twice = next((name for place, name in enumerate(value) if str(name) in map(str, value[:place])), None)
        if twice is not None:
            raise UsageError(f"{path}: {section}: {abbreviate(twice)} is named twice; leave one of them out")
        value = {str(name): str(name) for name in value}
    if not isinstance(value, dict) or not value:
        raise UsageError(f"{path}: {section}: give at least one, by the name of a block in configs/{section}/ or in full")
    if len(value) > MOST_MODELS:
        raise UsageError(f"{path}: {section}: {len(value)} are more than {MOST_MODELS}; make several experiments of them")
    return {
        folder_name(name, f"{path}: {section}"): compose_block(path, section, f"{section}.{name}", block, sources)
        for name, block in value.items()
    }


def compose_block(path: Path, section: str, key: str, value: Any, sources: dict[str, str]) -> Any:
    """A building block: the name of a file in configs/SECTION/, or a mapping, perhaps with such a `base` that it changes."""
    if isinstance(value, str):
        value = {"base": value}
    if not isinstance(value, dict) or "base" not in value:
        return value
    base = value["base"]
    if not isinstance(base, str):
        raise UsageError(f"{path}: {key}.base: expected the name of a block in configs/{section}/, not {abbreviate(base)}")
    changes = {name: item for name, item in value.items() if name != "base"}
    known = blocks(path, section)
    found = known.get(base)
    if found is None:
        raise UsageError(f"{path}: {key}: there is no configs/{section}/{base}.yaml{suggestion(str(base), known)}")
    if not changes:
        sources[key] = str(found)
    return _merged(read_yaml(found), changes)


def blocks(path: Path, section: str) -> dict[str, Path]:
    """The files of a section's building blocks by name; those nearer to the experiment `path` come before ours."""
    folders = [folder / "configs" / section for folder in (*path.resolve().parents, PACKAGE.parent, PACKAGE)]
    return {file.stem: file for folder in reversed(folders) if folder.is_dir() for file in sorted(folder.glob("*.yaml"))}


def insert_network_presets(path: Path, value: Any, where: str) -> Any:
    """`value`, at the key `where`, with the preset in the place of every network that is called like one in configs/networks/.

    Raises UsageError for the name of neither a preset nor a network.
    """
    if isinstance(value, list):
        return [insert_network_presets(path, item, f"{where}[{index}]") for index, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    found = {key: insert_network_presets(path, item, f"{where}.{key}") for key, item in value.items()}
    if "network" in found:
        network, place = found["network"], f"{where}.network"  # a sweep tries a list of them
        found["network"] = (
            [_preset(path, one, place) for one in network] if isinstance(network, list) else _preset(path, network, place)
        )
    return found


def _preset(path: Path, network: Any, where: str) -> Any:
    spec = {"name": network} if isinstance(network, str) else network
    if not isinstance(spec, dict) or not isinstance(name := spec.get("name"), str):
        return network
    presets = blocks(path, "networks")
    if name in presets:
        return read_yaml(presets[name]) | {key: item for key, item in spec.items() if key != "name"}
    if name not in NETWORKS.names():
        raise UsageError(f"{where}: unknown network '{name}'{suggestion(name, {*presets, *NETWORKS.names()})}")
    return network


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`base` with `changes` laid over it, mapping by mapping; a mapping with another `name` replaces the whole."""
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        if isinstance(old, str) and isinstance(value, dict):  # a bare name, which now gets parameters
            old = {"name": old}
        if isinstance(old, dict) and isinstance(value, dict) and value.get("name", old.get("name")) == old.get("name"):
            value = _merged(old, value)
        merged[key] = value
    return merged


def folder_name(name: Any, where: str) -> str:
    """`name`, which must be fit to name a folder. Raises UsageError with `where`."""
    if not NAME.fullmatch(str(name)):
        raise UsageError(f"{where}: '{name}' cannot name a folder; use letters, digits, '.', '_' and '-'")
    if len(str(name)) > LONGEST_NAME:
        raise UsageError(f"{where}: {abbreviate(str(name))} is too long for a folder; use at most {LONGEST_NAME} characters")
    return str(name)


def mapping(value: Any, where: str) -> dict[str, Any]:
    """`value`, which must be one. Raises UsageError with `where`."""
    if not isinstance(value, dict):
        raise UsageError(f"{where}: expected keys and values, not {abbreviate(value)}")
    return value
