"""Ways in which files are damaged, as Hypothesis draws them."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

NUMBERS = (
    0,
    -1,
    1,
    2,
    3,
    7,
    64,
    1000,
    2**31,
    2**63,
    2**64,
    10**30,
    10**400,
    0.5,
    -1e-9,
    1e30,
    1e308,
    math.inf,
    -math.inf,
    math.nan,
)
TEXTS = (
    "",
    "a",
    "../..",
    "\0",
    "nan",
    "1e999",
    "=1+1",
    "\ud800",
    "é" * 300,
    "-",
    "*",
    "**",
    "[",
    "identity",
    "blurred",
    "cnn",
    "gan",
)
LEAVES = st.sampled_from(NUMBERS) | st.sampled_from(TEXTS) | st.booleans() | st.none() | st.integers() | st.text(max_size=5)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


@st.composite
def damaged_bytes(draw: st.DrawFn, data: bytes) -> bytes:
    """`data` with a few bytes changed, put in or taken out, or cut off."""
    found = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(len(found) - 1, 0)) | st.integers(0, max(min(len(found), 600) - 1, 0)))
        match draw(st.sampled_from(["flip", "replace", "insert", "remove", "cut"])):
            case "flip" if found:
                found[place] ^= 1 << draw(st.integers(0, 7))
            case "replace":
                new = draw(st.binary(min_size=1, max_size=8))
                found[place : place + len(new)] = new
            case "insert":
                found[place:place] = draw(st.binary(min_size=1, max_size=8))
            case "remove":
                del found[place : place + draw(st.integers(1, 50))]
            case "cut":
                del found[place:]
    return bytes(found)


@st.composite
def damaged_value(draw: st.DrawFn, value: Any) -> Any:
    """A JSON value with something in it changed, put in, renamed, doubled or taken out."""
    found = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 2))):
        found = _damaged(draw, found)
    return found


@st.composite
def changed_leaves(draw: st.DrawFn, value: Any) -> Any:
    """A JSON value with the same keys, and other numbers or words at some of them."""
    found = copy.deepcopy(value)
    places = list(_leaves(found))
    for _ in range(draw(st.integers(1, 3))):
        holder, key = draw(st.sampled_from(places))
        holder[key] = draw(st.sampled_from(NUMBERS) | st.sampled_from(NUMBERS) | LEAVES)
    return found


def _leaves(value: Any) -> Iterator[tuple[Any, Any]]:
    """Where the numbers and words of a JSON value stand: what holds them, and the key or place."""
    for key, item in list(value.items() if isinstance(value, dict) else enumerate(value)):
        if isinstance(item, dict | list):
            yield from _leaves(item)
        else:
            yield value, key


def _damaged(draw: st.DrawFn, value: Any) -> Any:
    if not isinstance(value, dict | list) or not value or draw(st.integers(0, 5)) == 0:
        return draw(VALUES)
    places = list(value) if isinstance(value, dict) else list(range(len(value)))
    place = draw(st.sampled_from(places))
    match draw(st.sampled_from(["within"] * 6 + ["remove", "rename", "double"])):
        case "within":
            value[place] = _damaged(draw, value[place])
        case "remove":
            del value[place]
        case "rename" if isinstance(value, dict):
            value[draw(st.sampled_from(TEXTS))] = value.pop(place)
        case "double" if isinstance(value, list):
            value.append(copy.deepcopy(value[place]))
    return value
