"""Whatever an experiment file and the command line say, it is checked, or refused in one line with exit code 2."""

from __future__ import annotations

import copy
import inspect
import types
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from deblurbench.apps.cli import app
from deblurbench.data.dataset import open_dataset
from deblurbench.errors import UsageError
from deblurbench.experiment.composition import KEYS
from deblurbench.losses import vgg
from deblurbench.networks import fpn
from deblurbench.registry import LAYOUTS, METRICS, MODELS, NETWORKS, Registry
from deblurbench.training.settings import TrainingSettings
from tests.conftest import PRESETS

PRESET_NAMES = sorted(path.stem for path in PRESETS.glob("*-tiny.yaml"))
BLOCKS = sorted(path.stem for path in (PRESETS.parent / "models").glob("*small.yaml"))
SMALL = st.sampled_from([1, 2, 3, 4, 8])
LARGE = st.sampled_from([0, -1, 10**3, 2**16, 2**16 + 1, 10**7, 10**9, 10**10, 2**63, 2**64 - 1, 2**64])
FLOATS = st.sampled_from([0.5, 1.0, 3.0])
ODD_FLOATS = st.sampled_from([0.0, -1.0, 1e-300, 1e9, 1e300, float("inf"), float("-inf"), float("nan")])
RARELY, SELDOM = st.sampled_from([False] * 4 + [True]), st.sampled_from([False] * 15 + [True])
PATHS = st.sampled_from(["nowhere", "", "~nobody-here/x", "x" * 5000, "a\0b", "/dev/null", "\ud800"])
NAMES = st.sampled_from(["m0", "m1", "m2", "a", "x" * 101, "a/b", "..", "", "1", "blurred", "naïve"])

# Text of YAML that no dumper writes; each stands where a value does.
RAW = (
    "*m0", "&c [*c]", "&c {x: *c}", "!!timestamp soon", "!!int ''", "!!bool maybe", "!!binary aaaa", "!!set {a, b}",
    "!!omap [a: 1]", "!!python/name:os.system ''", "!!python/object/apply:os.getcwd []", "[" * 40 + "]" * 40,
    "[" * 3000 + "]" * 3000, "{a: " * 3000 + "}" * 3000, "9" * 400, "-" + "9" * 5000, "0x" + "f" * 90, "1:30:20", "1e999", ".nan", ".inf",
    "{1: a, '1': b}", "{? [a] : b}", "{? {a: b} : c}", "{<<: {a: b}}", "=", "2024-13-45", "2024-01-01", "~", '"\\0"', '"\\ud800"',
    '"\\Uffffffff"', "[&b [1, 2], *b, *b]", "{base: [a]}", "{base: {a: b}}", "{base: null}", "{trained: [m0]}", "{trained: m0}",
    "{trained: nobody}", "{trained: none.safetensors}", "{name: [a]}", "{name: null}", "'" + "x" * 70_000 + "'",
)  # fmt: skip
BOMB = "[&b0 [x, x]" + "".join(f", &b{level + 1} [*b{level}, *b{level}]" for level in range(40)) + "]"
OVERRIDES = (
    "=", "a", "a=", ".=1", "training..steps=1", "training." + "a." * 2000 + "b=1", "models.m0=1", "models.m0.name=gan", "models.m0.network.blocks=10000000",
    "models.m0.network.widths=[8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8]", "models.m0.losses.0.weight=2", "models.m0.losses.²=1",
    "models.m0.losses=[]", "models.m0.sweep={grid: {training.steps: [1, 2]}}", "models.m0.variants={v: {samples: 2}}", "training=standard",
    "training=quickstart", "training={base: [a]}", "training.steps=!!int ''", "training.steps=&a [*a]", "training.crop_size=1", "training.batch_size=1",
    "training.precision=bfloat16", "training.progressive=[{until: 0.5, crop_size: 4, batch_size: 1}]", "training.teramacs=1e300", "seeds=[1, 1]",
    "seeds=18446744073709551616", "seeds=[-9223372036854775808]", "recipe=basicsr-y", "metrics=[mae]", "metrics=mae", "question=[what]", "datasets.d.blur=motion",
    "datasets.d.blur={name: gaussian, sigma: [1, 1000000000]}", "datasets.d.layout=skimage-photos", "datasets.d.layout.path=" + "x" * 300, "x" * 100_000 + "=1",
)  # fmt: skip

PATHS_OF_KEYS = (
    "seeds", "training", "training.steps", "training.betas", "training.progressive", "training.crop_size", "training.batch_size", "models.m0",
    "models.m0.name", "models.m0.losses", "models.m0.network", "models.m0.network.widths", "models.m0.network.blocks", "models.m0.network.stem_factor",
    "models.m0.variants", "models.m0.sweep", "models.m0.sweep.grid", "models.m1.start", "models.m1.discriminator", "models.m1.discriminator.layers",
    "models.m1.discriminator.width", "models.m1.adversarial", "datasets.d.layout", "datasets.d.blur", "datasets.d.blur.sigma", "datasets.d.camera.jpeg",
    "datasets.d.test_crop", "metrics", "recipe", "question",
)  # fmt: skip
NUMBERS = (
    "0",
    "-1",
    "1",
    "3",
    "5",
    "16",
    "60",
    "300",
    "15000",
    "65536",
    "10000000",
    "10000000000",
    "1e300",
    ".5",
    "[1, 5]",
    "[300, 300]",
    "[60000, 60000]",
)


def value_of(annotation: Any, place: int) -> st.SearchStrategy[Any]:
    """Values that `annotation` allows, small ones as a rule; `place` is the number of the model that they are for."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        registry = next((extra for extra in arguments[1:] if isinstance(extra, Registry)), None)
        return value_of(arguments[0], place) if registry is None else spec_of(registry, place)
    if origin in (typing.Union, types.UnionType):
        usual, odd = (
            st.one_of(*(value_of(each, place) for each in arguments if (each is type(None)) == none)) for none in (1, 0)
        )
        return RARELY.flatmap(lambda is_odd: odd if is_odd or type(None) not in arguments else usual)
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return st.lists(value_of(arguments[0], place), max_size=4)
        return st.tuples(*(value_of(argument, place) for argument in arguments)).map(list)
    if origin in (Sequence, list):
        return SELDOM.flatmap(lambda is_odd: st.lists(value_of(arguments[0], place), min_size=0 if is_odd else 2, max_size=2))
    if typing.is_typeddict(annotation):
        hints = typing.get_type_hints(annotation, include_extras=True)
        return st.fixed_dictionaries({key: value_of(hint, place) for key, hint in hints.items()})
    numbers = {int: (SMALL, LARGE), float: (FLOATS, ODD_FLOATS), str: (st.just("PAIRS"), PATHS)}
    if annotation in numbers:
        usual, odd = numbers[annotation]
        return SELDOM.flatmap(lambda is_odd: odd if is_odd else usual)
    return {bool: st.booleans(), type(None): st.none()}.get(annotation, st.just({}))


def arguments_of(
    function: Callable[..., Any], place: int, given: frozenset[str] = frozenset()
) -> st.SearchStrategy[dict[str, Any]]:
    """Keyword arguments of `function` by its signature: those that it must have, and some of the others."""
    initialize = function.__init__ if isinstance(function, type) else function  # type: ignore[misc]
    hints = typing.get_type_hints(initialize, include_extras=True)
    parameters = {name: each for name, each in inspect.signature(function).parameters.items() if name not in given}
    values = {name: st.deferred(lambda name=name: value_of(hints[name], place)) for name in parameters}
    must = {name for name, each in parameters.items() if each.default is inspect.Parameter.empty}

    @st.composite
    def some(draw: st.DrawFn) -> dict[str, Any]:
        few = draw(st.sets(st.sampled_from(sorted(set(values) - must)), max_size=3)) if set(values) - must else set()
        return {name: draw(values[name]) for name in sorted(must | few)}

    return some()


@st.composite
def spec_of(draw: st.DrawFn, registry: Registry, place: int) -> Any:
    if registry is NETWORKS and draw(st.booleans()):
        return draw(st.sampled_from(PRESET_NAMES))
    if registry is MODELS and place and draw(st.booleans()):
        return {"trained": f"m{draw(st.integers(0, place - 1))}"}
    name = draw(st.sampled_from(registry.names()))
    if draw(st.booleans()) and registry not in (MODELS, LAYOUTS):
        return name
    return {"name": name, **draw(arguments_of(registry.get(name), place, registry._given))}


@st.composite
def experiment(draw: st.DrawFn) -> dict[str, Any]:
    """The content of an experiment file that is right for the most part."""
    content: dict[str, Any] = {
        "question": "Does it run?",
        "datasets": {"d": {"layout": {"name": "paired-folder", "path": "PAIRS"}}},
        "models": {},
    }
    if draw(SELDOM):
        content["datasets"]["e"] = draw(arguments_of(open_dataset, 0, frozenset({"name", "cache"})))
    for place in range(draw(st.integers(1, 3))):
        if draw(SELDOM):
            content["models"][f"m{place}"] = draw(st.sampled_from(BLOCKS))
            continue
        model = draw(spec_of(MODELS, place))
        extra = draw(st.sampled_from(range(15)))
        if extra == 0 and place:
            model["start"] = f"m{place - 1}"
        elif extra == 1:
            model["sweep"] = {"grid": {"training.learning_rate": [1e-3, 1e-4]}}
        elif extra == 2:
            model["sweep"] = {
                "random": {"training.warmup_steps": {"low": 1, "high": 9}},
                "draws": draw(SMALL),
                "seed": draw(SMALL),
            }
        elif extra == 3:
            model["variants"] = {draw(NAMES): {"sampling_steps": draw(SMALL), "self_ensemble": True}}
        elif extra == 4:
            model["training"] = draw(arguments_of(TrainingSettings, 0))
        content["models"][f"m{place}"] = model
    content["training"] = {"steps": 9, "batch_size": draw(SMALL), "crop_size": draw(st.sampled_from([4, 16, 17, 32]))}
    if draw(RARELY):
        content["training"] |= draw(arguments_of(TrainingSettings, 0))
    if draw(RARELY):
        content |= {"seeds": draw(st.lists(SMALL, min_size=1, max_size=3, unique=True)), "metrics": [draw(spec_of(METRICS, 0))]}
    return content


def places_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in items for place in places_in(item, (*path, key)))]


@st.composite
def changed(draw: st.DrawFn, content: dict[str, Any]) -> dict[str, Any]:
    """`content` with one thing wrong. Strings that begin with RAW are replaced by raw YAML once it is written."""
    content = copy.deepcopy(content)
    *above, last = draw(st.sampled_from(places_in(content)[1:]))
    holder: Any = content
    for key in above:
        holder = holder[key]
    junk = st.one_of(LARGE, ODD_FLOATS, st.text(max_size=8), PATHS, NAMES, st.sampled_from([None, True, [], {}]))
    how = draw(st.sampled_from(range(8)))
    if how == 0 and isinstance(holder, dict):
        del holder[last]
    elif how == 1 and isinstance(holder, dict):
        holder[draw(NAMES | st.text(max_size=8) | SMALL | st.sampled_from(KEYS))] = holder.pop(last)
    elif how == 2:
        holder[last] = [copy.deepcopy(holder[last])]
    elif how == 3:
        holder[last] = {draw(NAMES): copy.deepcopy(holder[last])}
    elif how <= 5:
        holder[last] = draw(st.integers(0, len(RAW)).map("RAW{}".format))
    else:
        holder[last] = draw(junk)
    return content


def written(content: dict[str, Any], **style: Any) -> str:
    """The text of an experiment file, with raw YAML where `changed` has put its mark."""
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=10**6, **style)
    for number, raw in reversed(list(enumerate((*RAW, BOMB)))):
        text = text.replace(f"RAW{number}", raw)
    return text


SOUND = {
    "datasets": {"d": {"layout": {"name": "paired-folder", "path": "PAIRS"}}},
    "models": {
        "m0": {"name": "cnn", "network": {"name": "unet", "widths": [4, 4], "blocks": 1}},
        "m1": {"name": "gan", "network": "unet-tiny"},
    },
    "training": {"steps": 9, "batch_size": 2, "crop_size": 8},
}


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A sound file with something wrong in its text or its bytes."""
    text = written(SOUND, default_flow_style=draw(st.sampled_from([None, True, False])))
    data, how = text.encode(), draw(st.sampled_from(["cut", "insert", "insert", "raw", "raw", "encode", "append", "anything"]))
    place = draw(st.integers(0, len(data)))
    if how == "cut":
        return data[:place] + data[place + draw(st.integers(1, 40)) :]
    if how == "insert":
        return (
            data[:place]
            + draw(st.binary(min_size=1, max_size=6) | st.text(min_size=1, max_size=6).map(str.encode))
            + data[place:]
        )
    if how == "raw":
        return data[:place] + draw(st.sampled_from((*RAW, BOMB))).encode() + data[place:]
    if how == "encode":
        return text.encode(draw(st.sampled_from(["utf-16", "utf-8-sig", "utf-32", "cp037"])))
    if how == "append":
        return data + draw(
            st.sampled_from([b"#" * 2_000_000, b"---\n", b"\n\tx: 1\n", b"models: {}\n", b"\0", b"x: y\n", b"seeds: &a [*a]\n"])
        )
    return draw(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory, photo: np.ndarray) -> Path:
    """Own pairs, as small as they may be."""
    folder = tmp_path_factory.mktemp("fuzz") / "pairs"
    for number, split in enumerate(("train", "train", "validation", "test")):
        for side in ("blur", "sharp"):
            (folder / split / side).mkdir(parents=True, exist_ok=True)
            Image.fromarray(photo[60 * number :][:40, :40]).save(folder / split / side / f"{number}.png")
    return folder


@pytest.fixture(autouse=True)
def _without_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        raise UsageError("no weights are fetched here")

    monkeypatch.setattr(vgg, "fetch_weights", refuse)
    monkeypatch.setattr(fpn, "fetch_weights", refuse)


def require_plain(pairs: Path, data: bytes, overrides: Sequence[str] = ()) -> int:
    """An experiment file of `data` is sound, or refused in one line; the exit code."""
    path, out = pairs.parent / "experiment.yaml", pairs.parent / "out"
    path.write_bytes(data.replace(b"PAIRS", str(pairs).encode()))
    result = CliRunner().invoke(app, ["run", "--dry-run", "--device", "cpu", "--out", str(out), "--", str(path), *overrides])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code in (0, 2), result.output
    assert result.stderr.count("\n") == (1 if result.exit_code else 0), result.stderr
    assert result.stderr.startswith("error: ") or not result.exit_code
    assert not out.exists()
    return result.exit_code


@given(content=experiment(), data=st.data(), changes=st.sampled_from([0, 0, 1, 1, 1, 2]), flow=st.booleans())
@settings(deadline=None)
def test_whatever_a_file_says(pairs: Path, content: dict[str, Any], data: st.DataObject, changes: int, flow: bool) -> None:
    for _ in range(changes):
        content = data.draw(changed(content))
    require_plain(pairs, written(content, default_flow_style=flow).encode("utf-8", "surrogatepass"))


@given(content=damaged())
@settings(deadline=None)
def test_whatever_a_file_holds(pairs: Path, content: bytes) -> None:
    require_plain(pairs, content)


@given(
    overrides=st.lists(
        st.sampled_from(OVERRIDES)
        | st.builds("{}={}".format, st.sampled_from(PATHS_OF_KEYS), st.sampled_from((*RAW, *NUMBERS, *NUMBERS))),
        min_size=1,
        max_size=3,
    )
)
@settings(deadline=None)
def test_whatever_the_command_line_lays_over_it(pairs: Path, overrides: list[str]) -> None:
    require_plain(pairs, written(SOUND).encode(), overrides)


def test_what_is_damaged_was_sound(pairs: Path) -> None:
    assert require_plain(pairs, written(SOUND).encode()) == 0
