"""Composing an experiment file: building blocks by name, then the overrides of the command line."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deblurbench.errors import UsageError, suggestion
from deblurbench.registry import abbreviate
from deblurbench.yaml_files import parse_yaml, read_yaml, set_key

KEYS = ("question", "datasets", "models", "training", "seeds", "recipe", "metrics")
PACKAGE = Path(__file__).parent.parent
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
LONGEST_NAME = 100  # characters: file names of up to 255 bytes are made of it and more
LONGEST_SHOWN = 200  # characters of an override that messages repeat
MOST_MODELS = 200  # of an experiment, candidates of sweeps included: each is built once to be checked, before any is trained


def find_experiment(name: str) -> Path:
    """The file of an experiment: a path, or the name of one in `experiments/` here or beside the package."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        if os.path.isfile(path):  # unlike pathlib's, for a name that is too long too
            return path
        raise UsageError(f"{path}: there is no such experiment file")
    folders = [Path("experiments"), PACKAGE.parent / "experiments", PACKAGE / "experiments"]
    for folder in folders:
        if os.path.isfile(folder / f"{name}.yaml"):
            return folder / f"{name}.yaml"
    known = {path.stem for folder in folders if folder.is_dir() for path in folder.glob("*.yaml")}
    raise UsageError(f"unknown experiment '{name}'{suggestion(name, known)}")


def compose(path: Path, overrides: Sequence[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the content of the experiment file `path` with every building block inserted and `overrides` applied last.

    Also which file each key came from, where that is another. Raises UsageError for unknown keys, blocks and overrides.
    """
    content = read_yaml(path)
    for key in content:
        if key not in KEYS:
            raise UsageError(f"{path}: {key}: unknown key of an experiment{suggestion(str(key), KEYS)}")
    sources: dict[str, str] = {}
    for section in ("datasets", "models"):
        content[section] = _compose_section(path, section, content.get(section), sources)
    if "training" in content:
        content["training"] = _compose_block(path, "training", "training", content["training"], sources)
    for override in overrides:
        _override(path, content, override, sources)
    content["models"] = insert_network_presets(path, content["models"])
    return content, sources


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


def _compose_section(path: Path, section: str, value: Any, sources: dict[str, str]) -> dict[str, Any]:
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
        folder_name(name, f"{path}: {section}"): _compose_block(path, section, f"{section}.{name}", block, sources)
        for name, block in value.items()
    }


def _compose_block(path: Path, section: str, key: str, value: Any, sources: dict[str, str]) -> Any:
    """A building block: the name of a file in configs/SECTION/, or a mapping, perhaps with such a `base` that it changes."""
    if isinstance(value, str):
        value = {"base": value}
    if not isinstance(value, dict) or "base" not in value:
        return value
    base = value["base"]
    if not isinstance(base, str):
        raise UsageError(f"{path}: {key}.base: expected the name of a block in configs/{section}/, not {abbreviate(base)}")
    changes = {name: item for name, item in value.items() if name != "base"}
    blocks = _blocks(path, section)
    found = blocks.get(base)
    if found is None:
        raise UsageError(f"{path}: {key}: there is no configs/{section}/{base}.yaml{suggestion(str(base), blocks)}")
    if not changes:
        sources[key] = str(found)
    return _merged(read_yaml(found), changes)


def _blocks(path: Path, section: str) -> dict[str, Path]:
    """The files of a section's building blocks by name; those nearer to the experiment `path` come before ours."""
    folders = [folder / "configs" / section for folder in (*path.resolve().parents, PACKAGE.parent, PACKAGE)]
    return {file.stem: file for folder in reversed(folders) if folder.is_dir() for file in sorted(folder.glob("*.yaml"))}


def insert_network_presets(path: Path, value: Any) -> Any:
    """`value` with the preset in the place of every network that is called like one in configs/networks/."""
    if isinstance(value, list):
        return [insert_network_presets(path, item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {key: insert_network_presets(path, item) for key, item in value.items()}
    if "network" in found:
        network = found["network"]  # a sweep tries a list of them
        found["network"] = [_preset(path, one) for one in network] if isinstance(network, list) else _preset(path, network)
    return found


def _preset(path: Path, network: Any) -> Any:
    spec = {"name": network} if isinstance(network, str) else network
    preset = _blocks(path, "networks").get(str(spec.get("name"))) if isinstance(spec, dict) else None
    return network if preset is None else read_yaml(preset) | {key: item for key, item in spec.items() if key != "name"}


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`base` with `changes` laid over it, mapping by mapping; a mapping with another `name` replaces the whole."""
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict) and value.get("name", old.get("name")) == old.get("name"):
            value = _merged(old, value)
        merged[key] = value
    return merged


def _override(path: Path, content: dict[str, Any], override: str, sources: dict[str, str]) -> None:
    key, equals, text = override.partition("=")
    names = key.split(".")
    if len(override) > LONGEST_SHOWN:
        override = f"{override[:LONGEST_SHOWN]}..."
    if not equals or not all(names):
        raise UsageError(f"{override}: expected key.path=value, for instance training.steps=1000")
    if names[0] not in KEYS:
        raise UsageError(f"{override}: unknown key of an experiment{suggestion(names[0], KEYS)}")
    if names[0] in ("datasets", "models") and (len(names) < 3 or names[1] not in content[names[0]]):
        known = suggestion(names[1] if len(names) > 1 else "", content[names[0]])
        raise UsageError(f"{override}: names none of the experiment's {names[0]}{known}")
    value = parse_yaml(text, override)
    if key == "training":  # a building block, as in the file
        content[key] = _compose_block(path, key, key, value, sources)
        return
    entry = ".".join(names[:2]) if names[0] in ("datasets", "models") else names[0]
    sources[entry] = f"{path} with {override}"
    set_key(content, names, value, override)
