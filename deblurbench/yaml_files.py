"""YAML as people mean it: `1e-4` is a number, and a key given twice is an error."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from deblurbench.errors import UsageError, one_line


class _Loader(yaml.SafeLoader):
    """The safe loader with YAML 1.2's floats (PyYAML reads `1e-4` as a string) and without silent double keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key '{key}' is given twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+"), list("-+.0123456789")
)


def parse_yaml(text: str, where: str) -> Any:
    """The value of YAML `text`. Raises UsageError with `where` and the line."""
    try:
        return _unshared(yaml.load(text, Loader=_Loader))  # noqa: S506 - a safe loader
    except (TypeError, ValueError) as error:  # a list for a key, a date that does not exist
        raise UsageError(f"{where}: {one_line(error)}; mend it there") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}:" if mark else ""
        raise UsageError(f"{where}:{line} {getattr(error, 'problem', None) or 'is not YAML'}; mend it there") from error


def _unshared(value: Any) -> Any:
    """`value` with what an alias (`*name`) repeats copied: an override of one of them is none of the other."""
    if isinstance(value, dict):
        return {key: _unshared(item) for key, item in value.items()}
    return [_unshared(item) for item in value] if isinstance(value, list) else value


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in `path`. Raises UsageError where there is none."""
    try:
        value = parse_yaml(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as a text file ({error}); check its name") from error
    if not isinstance(value, dict):
        raise UsageError(f"{path}: expected keys and values, not {type(value).__name__}; see experiments/quickstart.yaml")
    return value


def to_yaml(value: Any) -> str:
    """`value` as YAML, keys in their order."""
    return yaml.safe_dump(_unshared(value), sort_keys=False, allow_unicode=True, width=120)
