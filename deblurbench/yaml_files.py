"""Reading and writing of YAML: `1e-4` is a number, duplicate keys are errors, and files are limited in size and depth."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from deblurbench.errors import UsageError, one_line

MAX_CHARACTERS = 1_000_000  # of a file: more take many seconds to read, and no experiment has a tenth of that
MAX_VALUES = 20_000  # keys and values with aliases expanded: each may be validated several times
MAX_DEPTH = 50  # nested levels: functions on values are recursive
INTEGERS = range(-(2**63), 2**64)  # of 64 bits, signed or unsigned
MAX_QUOTED = 60  # characters of a key path in a message
INDEX = re.compile(r"\d{1,9}")  # into a list
CONSTRUCTION_ERRORS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)  # of PyYAML, for invalid scalars


class _Loader(yaml.SafeLoader):
    """The safe loader with YAML 1.2's floats (PyYAML reads `1e-4` as a string), errors for duplicate keys, and limits."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0  # of the node that is being composed
        self._measured: dict[yaml.Node, tuple[int, int]] = {}  # composed nodes: depth and values, aliases expanded

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        mark, is_alias = self.peek_event().start_mark, self.check_event(yaml.AliasEvent)
        self._depth += 1
        _require(self._depth <= MAX_DEPTH, f"is nested more than {MAX_DEPTH} levels deep", mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        assert node is not None  # PyYAML asks only where an event is a node
        if is_alias:
            _require(node in self._measured, "an alias refers to a node that contains it", mark)
            return node
        children = [self._measured[child] for child in _children(node)]
        depth, values = 1 + max((child[0] for child in children), default=0), 1 + sum(child[1] for child in children)
        _require(depth <= MAX_DEPTH, f"is nested more than {MAX_DEPTH} levels deep, aliases expanded", mark)
        _require(values <= MAX_VALUES, f"holds more than {MAX_VALUES:,} values, aliases expanded", mark)
        self._measured[node] = depth, values
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            value = super().construct_object(node, deep)
        except CONSTRUCTION_ERRORS as error:
            kind = node.tag.rpartition(":")[2]
            problem = f"cannot be read as '{kind}'"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from error
        is_too_large = isinstance(value, int) and value not in INTEGERS
        _require(not is_too_large, "an integer of more than 64 bits", node.start_mark)
        return value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            _require(isinstance(key, str | int | float | None), "a key must be a name", key_node.start_mark)
            # Compared as text: 1 and '1' would be the same name.
            _require(str(key) not in seen, f"the key '{key}' is given twice", key_node.start_mark)
            seen.add(str(key))
        return super().construct_mapping(node, deep)


def _require(holds: bool, problem: str, mark: yaml.Mark) -> None:
    if not holds:
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [child for pair in node.value for child in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+"), list("-+.0123456789")
)


def parse_yaml(text: str, where: str) -> Any:
    """Parse YAML `text`. Raises UsageError, with `where` and the line, for errors and for more than the limits above."""
    if len(text) > MAX_CHARACTERS:
        raise UsageError(f"{where}: has more than {MAX_CHARACTERS:,} characters, which no experiment needs; give another file")
    try:
        return _expand_aliases(yaml.load(text, Loader=_Loader))  # noqa: S506 - a safe loader
    except CONSTRUCTION_ERRORS as error:  # an invalid code point
        raise UsageError(f"{where}: {one_line(error)}; correct it there") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}:" if mark else ""
        raise UsageError(f"{where}:{line} {getattr(error, 'problem', None) or 'is not YAML'}; correct it there") from error


def _expand_aliases(value: Any) -> Any:
    """Return `value` with a copy of the node for each alias (`*name`), so that overrides change only one of them."""
    if isinstance(value, dict):
        return {key: _expand_aliases(item) for key, item in value.items()}
    return [_expand_aliases(item) for item in value] if isinstance(value, list) else value


def read_yaml(path: Path) -> dict[str, Any]:
    """Read the mapping in `path`. Raises UsageError where there is none."""
    try:
        with path.open(encoding="utf-8") as file:
            value = parse_yaml(file.read(MAX_CHARACTERS + 1), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as a text file ({error}); check its name") from error
    if not isinstance(value, dict):
        raise UsageError(f"{path}: expected keys and values, not {type(value).__name__}; see experiments/quickstart.yaml")
    return value


def to_yaml(value: Any) -> str:
    """Return `value` as YAML, with keys in their order."""
    return yaml.safe_dump(_expand_aliases(value), sort_keys=False, allow_unicode=True, width=120)


def set_key(content: dict[str, Any], keys: Sequence[str], value: Any, where: str) -> None:
    """Set the value at the path `keys` of `content`. Raises UsageError, with `where`, where part of the path holds no keys."""
    if len(keys) > MAX_DEPTH:
        raise UsageError(f"{where[:MAX_QUOTED]}...: a path of more than {MAX_DEPTH} keys")
    for position, key in enumerate(keys[:-1]):
        child = content.setdefault(key, {})
        if isinstance(child, str):  # a bare name, which now gets parameters
            child = content[key] = {"name": child}
        if isinstance(child, list):
            rest = keys[position + 1 :]
            index = int(rest[0]) if INDEX.fullmatch(rest[0]) else len(child)
            if len(rest) < 2 or index >= len(child) or not isinstance(child[index], dict):
                raise UsageError(f"{where}: '{key}' is a list: continue with an index, from 0, and a key")
            set_key(child[index], rest[1:], value, where)
            return
        if not isinstance(child, dict):
            raise UsageError(f"{where}: '{key}' holds no keys")
        content = child
    content[keys[-1]] = value
