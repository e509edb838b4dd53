"""YAML as people mean it: `1e-4` is a number, and a key given twice is an error."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from deblurbench.errors import UsageError, one_line

MOST_CHARACTERS = 1_000_000  # of a file: more take many seconds to read, and no experiment has a tenth of that
MOST_VALUES = 20_000  # keys and values, those counted again that an alias repeats: each may be checked several times
DEEPEST = 50  # levels: the functions that look through values call themselves at each
WHOLE_NUMBERS = range(-(2**63), 2**64)  # what 64 bits hold, with a sign or without
LONGEST_SHOWN = 60  # characters of a path of keys that a message repeats
PLACE = re.compile(r"\d{1,9}")  # in a list
UNFIT = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)  # of what is not as its tag says


class _Loader(yaml.SafeLoader):
    """The safe loader with YAML 1.2's floats (PyYAML reads `1e-4` as a string), without silent double keys, and with limits."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._open = 0  # nodes that are being read
        self._measured: dict[yaml.Node, tuple[int, int]] = {}  # of those that were: their levels and values, aliases unrolled

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        mark, is_alias = self.peek_event().start_mark, self.check_event(yaml.AliasEvent)
        self._open += 1
        _require(self._open <= DEEPEST, f"is nested more than {DEEPEST} levels deep", mark)
        node = super().compose_node(parent, index)
        self._open -= 1
        assert node is not None  # it is asked for where there is one
        if is_alias:
            _require(node in self._measured, "an alias stands within what it repeats", mark)
            return node
        within = [self._measured[each] for each in _within(node)]
        levels, values = 1 + max((one[0] for one in within), default=0), 1 + sum(one[1] for one in within)
        _require(levels <= DEEPEST, f"is nested more than {DEEPEST} levels deep, aliases unrolled", mark)
        _require(values <= MOST_VALUES, f"holds more than {MOST_VALUES:,} values, aliases unrolled", mark)
        self._measured[node] = levels, values
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            value = super().construct_object(node, deep)
        except UNFIT as error:
            kind = node.tag.rpartition(":")[2]
            problem = f"cannot be read as '{kind}'"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from error
        is_too_large = isinstance(value, int) and value not in WHOLE_NUMBERS
        _require(not is_too_large, "a whole number of more than 64 bits", node.start_mark)
        return value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            _require(isinstance(key, str | int | float | None), "a key must be a name", key_node.start_mark)
            # As text: 1 and '1' would name the same.
            _require(str(key) not in seen, f"the key '{key}' is given twice", key_node.start_mark)
            seen.add(str(key))
        return super().construct_mapping(node, deep)


def _require(holds: bool, problem: str, mark: yaml.Mark) -> None:
    if not holds:
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


def _within(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [each for pair in node.value for each in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+"), list("-+.0123456789")
)


def parse_yaml(text: str, where: str) -> Any:
    """The value of YAML `text`. Raises UsageError with `where` and the line, for what exceeds the limits above too."""
    if len(text) > MOST_CHARACTERS:
        raise UsageError(f"{where}: has more than {MOST_CHARACTERS:,} characters, which no experiment needs; give another file")
    try:
        return _unshared(yaml.load(text, Loader=_Loader))  # noqa: S506 - a safe loader
    except UNFIT as error:  # a character that does not exist
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
        with path.open(encoding="utf-8") as file:
            value = parse_yaml(file.read(MOST_CHARACTERS + 1), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as a text file ({error}); check its name") from error
    if not isinstance(value, dict):
        raise UsageError(f"{path}: expected keys and values, not {type(value).__name__}; see experiments/quickstart.yaml")
    return value


def to_yaml(value: Any) -> str:
    """`value` as YAML, keys in their order."""
    return yaml.safe_dump(_unshared(value), sort_keys=False, allow_unicode=True, width=120)


def set_key(content: dict[str, Any], keys: Sequence[str], value: Any, where: str) -> None:
    """Set the key at the path `keys` of `content`. Raises UsageError, with `where`, where the path leads through a value."""
    if len(keys) > DEEPEST:
        raise UsageError(f"{where[:LONGEST_SHOWN]}: a path of more than {DEEPEST} keys")
    for place, key in enumerate(keys[:-1]):
        below = content.setdefault(key, {})
        if isinstance(below, str):  # a bare name, to which parameters are now given
            below = content[key] = {"name": below}
        if isinstance(below, list):
            rest = keys[place + 1 :]
            index = int(rest[0]) if PLACE.fullmatch(rest[0]) else len(below)
            if len(rest) < 2 or index >= len(below) or not isinstance(below[index], dict):
                raise UsageError(f"{where}: '{key}' is a list: go on with the place in it, from 0, and a key")
            set_key(below[index], rest[1:], value, where)
            return
        if not isinstance(below, dict):
            raise UsageError(f"{where}: '{key}' holds no keys")
        content = below
    content[keys[-1]] = value
