"""The overrides of the command line: `key.path=value`, laid over a composed experiment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deblurbench.errors import UsageError, suggestion
from deblurbench.experiment.building_blocks import blocks, compose_block, compose_section
from deblurbench.training.settings import TrainingSettings
from deblurbench.yaml_files import parse_yaml, set_key

SECTIONS = ("datasets", "models")  # of named entries, which can be chosen, dropped and added
LONGEST_SHOWN = 200  # characters of an override that messages repeat


def lay_over(path: Path, content: dict[str, Any], override: str, keys: Sequence[str], sources: dict[str, str]) -> None:
    """Change `content`, composed from the file `path` and of these `keys`, and `sources` with it, as `override` says.

    Of data sets and models a list of names chooses, null drops one, and a building block, by name or in full, adds or
    replaces one: `models=[cnn, gan]`, `models.gan=null`, `models.naf=cnn-nafnet`. Raises UsageError.
    """
    key, equals, text = override.partition("=")
    names = key.split(".")
    if len(override) > LONGEST_SHOWN:
        override = f"{override[:LONGEST_SHOWN]}..."
    if not equals or not all(names):
        raise UsageError(f"{override}: expected key.path=value, for instance training.steps=1000")
    if names[0] not in keys:
        is_of_training = names[0] in TrainingSettings.__dataclass_fields__
        hint = f"; did you mean 'training.{names[0]}'?" if is_of_training else suggestion(names[0], keys)
        raise UsageError(f"{override}: unknown key of an experiment{hint}")
    value = parse_yaml(text, override)
    section, *rest = names
    entry = ".".join(names[:2]) if section in SECTIONS else section
    sources[entry] = f"{path} with {override}"
    try:
        if section in SECTIONS and not rest:
            content[section] = _choose(path, section, content[section], value, sources)
        elif section in SECTIONS and len(rest) == 1:
            _replace(path, section, content[section], rest[0], value, sources)
        elif section in SECTIONS and rest[0] not in content[section]:
            raise UsageError(f"names none of the experiment's {section}{suggestion(rest[0], content[section])}")
        elif key == "training":  # a building block, as in the file
            content[key] = compose_block(path, key, key, value, sources)
        else:
            set_key(content, names, value, override)
    except UsageError as error:
        message = str(error).removeprefix(f"{override}: ").removeprefix(f"{path}: ")
        raise UsageError(f"{override}: {message}") from error


def _choose(path: Path, section: str, own: dict[str, Any], value: Any, sources: dict[str, str]) -> dict[str, Any]:
    """The entries that `value` names: of the experiment's `own`, else building blocks; or the section in full."""
    names = [value] if isinstance(value, str) else value
    if isinstance(names, list):
        names = [str(name) for name in names]
        known = {**blocks(path, section), **own}
        for name in names:
            if name not in known:
                raise UsageError(f"{section}: unknown name '{name}'{suggestion(name, known)}")
            if names.count(name) > 1:
                raise UsageError(f"{section}: '{name}' is named twice; leave one of them out")
        value = {name: own.get(name, name) for name in names}
    return compose_section(path, section, value, sources)


def _replace(path: Path, section: str, own: dict[str, Any], name: str, value: Any, sources: dict[str, str]) -> None:
    """Drop the entry `name` of `own` where `value` is null; else put the block that it gives in that place."""
    if value is not None:
        own.update(compose_section(path, section, {name: value}, sources))
    elif name not in own:
        raise UsageError(f"names none of the experiment's {section}{suggestion(name, own)}")
    elif len(own) == 1:
        raise UsageError(f"leaves no {section}; keep one, or add another first")
    else:
        del own[name]
