"""Registries of classes by name, the only mapping from names in YAML files to code.

A decorator registers a class. The signature of its constructor is the schema of its YAML: every parameter can be given by
name, is validated against its annotation, and defaults as in the signature. A parameter annotated with one of the aliases
below (`NetworkSpec`, `LossSpec`, ...) is a nested `{name: ..., ...}`, validated the same way.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import inspect
import json
import pkgutil
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from annotated_types import Ge, Gt, Le
from torch.nn.modules import module as torch_module

from deblurbench.errors import UsageError, one_line, reason, suggestion

if TYPE_CHECKING:
    from pydantic import TypeAdapter

MAX_SIZE = 2**16  # of channels, pixels per side, images in a batch: larger ones fit no memory
MAX_LAYERS = 20_000  # modules and parameters: more take many seconds to build, and published networks have 2,000
UNBUILDABLE = (ArithmeticError, RuntimeError, TypeError, ValueError)  # torch raises them too, for sizes beyond its integers
ENTRY_POINTS = "deblurbench"  # the group in which other packages name modules that register networks, losses, ...
Class = TypeVar("Class", bound=type)
Spec = dict[str, Any]
NameOrSpec = str | Spec
PositiveInt = Annotated[int, Gt(0), Le(MAX_SIZE)]
PositiveFloat = Annotated[float, Gt(0)]
NonNegativeFloat = Annotated[float, Ge(0)]


class Registry:
    """The classes of one kind by name; the modules of `package` are imported at the first look-up.

    Parameters in `given` are supplied by the code that builds instances (channel counts, say) and are not allowed in YAML.
    """

    def __init__(self, kind: str, package: str, given: tuple[str, ...] = ()) -> None:
        self.kind = kind
        self._package = package
        self._given = frozenset(given)
        self._classes: dict[str, type] = {}
        self._complete = False

    def register(self, name: str) -> Callable[[Class], Class]:
        """Return a decorator that registers a class under `name`. Raises ValueError where the name is taken."""

        def add(cls: Class) -> Class:
            if name in self._classes:
                taken = self._classes[name]
                raise ValueError(f"{self.kind} '{name}' is already {taken.__module__}.{taken.__qualname__}")
            self._classes[name] = cls
            return cls

        return add

    def names(self) -> list[str]:
        """Return all registered names, sorted."""
        self._import_all()
        return sorted(self._classes)

    def get(self, name: str, where: str = "") -> type:
        """Return the class named `name`. Raises UsageError with the key `where` and the closest known name."""
        self._import_all()
        if name not in self._classes:
            raise UsageError(f"{_prefix(where)}unknown {self.kind} '{name}'{suggestion(name, self._classes)}")
        return self._classes[name]

    def name_of(self, instance: object) -> str:
        """Return the name under which the class of `instance` is registered."""
        self._import_all()
        return next(name for name, cls in self._classes.items() if cls is type(instance))

    def resolve(self, spec: Any, where: str = "") -> Spec:
        """Return `spec` (a name, or a mapping with `name`) validated and completed with all defaults, nested ones too."""
        if isinstance(spec, str):
            spec = {"name": spec}
        if not isinstance(spec, Mapping) or not isinstance(spec.get("name"), str):
            raise UsageError(f"{_prefix(where)}expected a {self.kind}: a name, or a mapping with the key 'name'")
        name = spec["name"]
        arguments = {key: value for key, value in spec.items() if key != "name"}
        constructor = self.get(name, where)
        return {"name": name, **check_arguments(constructor, arguments, where, f"{self.kind} '{name}'", self._given)}

    def build(self, spec: Any, where: str = "", **given: Any) -> Any:
        """Build an instance from `spec` and the `given` arguments.

        Raises UsageError for values that the constructor refuses, and for more than MAX_LAYERS or than torch can allocate.
        """
        resolved = self.resolve(spec, where)
        cls = self.get(resolved["name"], where)
        arguments = {key: value for key, value in resolved.items() if key != "name"}
        try:
            with _bounded():
                return cls(**arguments, **given)
        except UNBUILDABLE as error:
            raise UsageError(f"{_prefix(where)}{self.kind} '{resolved['name']}': {reason(error)}") from error

    def _import_all(self) -> None:
        if self._complete:
            return
        self._complete = True
        package = importlib.import_module(self._package)
        for found in pkgutil.iter_modules(getattr(package, "__path__", [])):
            importlib.import_module(f"{self._package}.{found.name}")
        for plugin in importlib.metadata.entry_points(group=ENTRY_POINTS):
            try:
                plugin.load()  # its decorators register its classes
            except Exception as error:  # whatever somebody else's code raises
                provider = plugin.dist.name if plugin.dist else plugin.value
                raise UsageError(f"{provider}: its entry point '{plugin.name}' cannot be loaded: {one_line(error)}") from error


def check_arguments(
    constructor: Callable[..., Any], arguments: Mapping[str, Any], where: str, what: str, given: frozenset[str] = frozenset()
) -> Spec:
    """Validate `arguments` against the signature of `constructor` without `given`, and return them with all defaults.

    Raises UsageError that names the key (below `where`) and, for an unknown one, the closest key of `what`.
    """
    known = {
        name: parameter
        for name, parameter in inspect.signature(constructor).parameters.items()
        if name not in given and parameter.kind not in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    }
    initialize = constructor.__init__ if isinstance(constructor, type) else constructor  # type: ignore[misc]
    hints = typing.get_type_hints(initialize, include_extras=True)
    for key in arguments:
        if key not in known:
            raise UsageError(f"{_prefix(_join(where, key))}unknown key of {what}{suggestion(str(key), known)}")
    checked: Spec = {}
    for key, parameter in known.items():
        if key not in arguments and parameter.default is inspect.Parameter.empty:
            raise UsageError(f"{_prefix(_join(where, key))}missing, but required by {what}")
        checked[key] = check_value(hints[key], arguments.get(key, parameter.default), _join(where, key))
    return checked


def check_value(annotation: Any, value: Any, where: str) -> Any:
    """Validate `value` against `annotation`, resolve nested specs, and return plain YAML values: lists, not tuples."""
    registry = _registry_in(annotation)
    if registry is not None:
        return registry.resolve(value, where)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType) and any(_registry_in(argument) for argument in arguments):
        return None if value is None else check_value(next(filter(_registry_in, arguments)), value, where)
    if origin is Sequence and _registry_in(arguments[0]):
        if not isinstance(value, list | tuple):
            raise UsageError(f"{_prefix(where)}expected a list")
        return [check_value(arguments[0], item, f"{where}[{index}]") for index, item in enumerate(value)]
    return _check_plain(annotation, value, where)


@functools.cache
def _adapter(annotation: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter  # imported here: not needed to load and use a model in Python

    return TypeAdapter(annotation)


def _check_plain(annotation: Any, value: Any, where: str) -> Any:
    from pydantic import ValidationError

    adapter = _adapter(annotation)
    try:
        # As JSON, for which strict mode accepts a list for a tuple and an integer for a float, as YAML requires.
        text = json.dumps(value, default=str, allow_nan=False)
    except ValueError as error:
        raise UsageError(f"{_prefix(where)}expected finite numbers, not {abbreviate(value)}") from error
    try:
        checked = adapter.validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"{_prefix(_join(where, *first['loc']))}{first['msg']}, not {abbreviate(value)}") from error
    return adapter.dump_python(checked, mode="json")


@contextmanager
def _bounded() -> Iterator[None]:
    """Raise ValueError for more than MAX_LAYERS within the context: 10^7 blocks, even without weights, take hours to build."""
    count = 0

    def add(*_: object) -> None:
        nonlocal count
        count += 1
        if count > MAX_LAYERS:
            raise ValueError(f"has more than {MAX_LAYERS:,} modules and parameters; give it fewer")

    handles = [
        torch_module.register_module_module_registration_hook(add),
        torch_module.register_module_parameter_registration_hook(add),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _registry_in(annotation: Any) -> Registry | None:
    if typing.get_origin(annotation) is Annotated:
        return next((extra for extra in typing.get_args(annotation)[1:] if isinstance(extra, Registry)), None)
    return None


def _join(where: str, *keys: object) -> str:
    return ".".join(str(key) for key in (where, *keys) if key != "")


def _prefix(where: str) -> str:
    return f"{where}: " if where else ""


def abbreviate(value: Any) -> str:
    """Return the representation of `value` for messages, at most 60 characters of it."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


NETWORKS = Registry("network", "deblurbench.networks", given=("in_channels", "out_channels", "condition_channels"))
DISCRIMINATORS = Registry("discriminator", "deblurbench.networks.discriminators", given=("in_channels",))
LOSSES = Registry("loss", "deblurbench.losses")
ADVERSARIAL_LOSSES = Registry("adversarial loss", "deblurbench.losses.adversarial")
METRICS = Registry("metric", "deblurbench.metrics")
NO_REFERENCE = Registry("no-reference metric", "deblurbench.metrics.no_reference")
BLURS = Registry("blur", "deblurbench.blur")
CAMERAS = Registry("camera", "deblurbench.blur")
LAYOUTS = Registry("layout", "deblurbench.data.layouts")
CLASSICAL = Registry("classical method", "deblurbench.classical")
MODELS = Registry("model", "deblurbench.models")

NetworkSpec = Annotated[NameOrSpec, NETWORKS]
DiscriminatorSpec = Annotated[NameOrSpec, DISCRIMINATORS]
LossSpec = Annotated[NameOrSpec, LOSSES]
AdversarialLossSpec = Annotated[NameOrSpec, ADVERSARIAL_LOSSES]
BlurSpec = Annotated[NameOrSpec, BLURS]
CameraSpec = Annotated[NameOrSpec, CAMERAS]
LayoutSpec = Annotated[NameOrSpec, LAYOUTS]
ClassicalSpec = Annotated[NameOrSpec, CLASSICAL]
MetricSpec = Annotated[NameOrSpec, METRICS]
ModelSpec = Annotated[NameOrSpec, MODELS]
