"""The order of the house: each room imports only what it may, nothing goes in circles, and the front door is light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "deblurbench"
GROUND = {
    "errors",
    "files",
    "progress",
    "background",
    "devices",
    "randomness",
    "registry",
    "yaml_files",
    "environment",
    "download",
    "batch",
    "locks",
    "version",
    "memo",
}
# What each room may import, besides itself. On the ground, whatever stands before it in this list.
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "files": {"errors"},
    "progress": set(),
    "background": set(),
    "devices": {"errors"},
    "randomness": set(),
    "yaml_files": {"errors"},
    "registry": {"errors"},
    "environment": {"registry"},
    "download": {"errors", "files"},
    "batch": set(),
    "locks": {"errors", "files"},
    "version": set(),
    "memo": {"files", "registry"},
    "records": GROUND,
    "images": GROUND,
    "weights": GROUND,
    "runtimes": GROUND | {"images"},
    "video": GROUND | {"images"},
    "blur": GROUND | {"images"},
    "classical": GROUND | {"images", "blur"},
    "networks": GROUND | {"images"},
    "losses": GROUND | {"images"},
    "metrics": GROUND | {"images"},
    "statistics": GROUND,
    "data": GROUND | {"images", "blur"},
    "checkpoint": GROUND,
    "models": GROUND | {"images", "classical", "networks", "losses", "checkpoint", "runtimes", "weights"},
    "training": GROUND | {"records", "images", "metrics", "data", "checkpoint", "models"},
    "experiment": GROUND | {"records", "metrics", "data", "models", "training", "weights"},
    "scoring": GROUND | {"records", "images", "metrics", "statistics", "data", "models"},
    "benchmark": GROUND
    | {"records", "images", "metrics", "statistics", "data", "checkpoint", "models", "training", "experiment", "scoring"},
    "report": GROUND | {"records", "images", "metrics", "statistics"},
    "apps": GROUND
    | {
        "records",
        "images",
        "metrics",
        "statistics",
        "data",
        "models",
        "training",
        "experiment",
        "scoring",
        "benchmark",
        "report",
        "runtimes",
        "video",
        "weights",
    },
}
# What each part of the report may import of the report, besides itself: findings know no pictures, figures or pages.
REPORT: dict[str, set[str]] = {
    "formatting": set(),
    "results": set(),
    "reading": {"results"},
    "findings": {"formatting", "results", "reading"},
    "pictures": {"formatting", "results", "findings"},
    "figures": {"results", "reading", "findings"},
    "latex": {"findings"},
    "page": {"results", "findings", "pictures", "figures", "latex"},
}
FRONT_DOORS = {"__init__", "__main__"}  # they open onto any floor, and no file imports them


def modules() -> dict[str, set[str]]:
    """Every module of the package -> the modules of the package that it imports anywhere, functions included."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        imported = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("deblurbench"):
                imported.add(node.module)
            elif isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names if alias.name.startswith("deblurbench")}
        found[name] = imported
    return found


def room_of(module: str) -> str:
    return module.split(".")[1]


def test_every_room_imports_only_what_it_is_allowed_to() -> None:
    for module, imported in modules().items():
        if module == "deblurbench" or room_of(module) in FRONT_DOORS:
            continue
        for other in imported:
            assert other != "deblurbench", f"{module} imports the front door"
            allowed = ALLOWED[room_of(module)] | {room_of(module)}
            assert room_of(other) in allowed, f"{module} imports {other}, and {room_of(module)} may not import {room_of(other)}"


def test_every_part_of_the_report_imports_only_what_it_is_allowed_to() -> None:
    parts = {module: module.split(".")[2] for module in modules() if module.startswith("deblurbench.report.")}
    assert set(parts.values()) - {"__init__"} == REPORT.keys()
    for module, imported in modules().items():
        for other in imported & parts.keys():
            if module in parts:
                allowed = REPORT[parts[module]] | {parts[module]}
                assert parts[other] in allowed, f"{module} imports {other}, and {parts[module]} may not import {parts[other]}"


def test_what_is_allowed_has_no_circles_and_names_every_room() -> None:
    TopologicalSorter(ALLOWED).prepare()  # raises CycleError
    TopologicalSorter(REPORT).prepare()
    assert {room_of(module) for module in modules() if module != "deblurbench"} - FRONT_DOORS == ALLOWED.keys()


def test_no_modules_import_each_other() -> None:
    TopologicalSorter(modules()).prepare()  # raises CycleError


def test_importing_the_package_is_light() -> None:
    heavy = (
        "torch",
        "numpy",
        "typer",
        "accelerate",
        "matplotlib",
        "skimage",
        "tensorboard",
        "jinja2",
        "cv2",
        "torchmetrics",
        "torchvision",
        "scipy",
        "fastapi",
    )
    code = f"import sys, deblurbench; print([name for name in {heavy} if name in sys.modules])"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"


def functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    """Every function of the package, and where it stands."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                yield f"{path.relative_to(PACKAGE)}: {node.name}", node


def test_files_and_functions_are_small() -> None:
    files = {str(path): lines for path in PACKAGE.rglob("*.py") if (lines := len(path.read_text().splitlines())) > 300}
    assert files == {}
    long = {place: lines for place, node in functions() if (lines := (node.end_lineno or 0) - node.lineno + 1) > 50}
    assert long == {}


def test_functions_have_few_parameters() -> None:
    """Except those whose signature is a schema: of YAML, of the command line, of an operator of PyTorch."""
    schemas = (
        "apps/cli.py",
        "apps/data_commands.py",
        "apps/deblur_command.py",
        "data/dataset.py: open_dataset",
        "training/work.py: _convolution_backward",
    )
    many = {
        place: count
        for place, node in functions()
        if not place.startswith(schemas)
        and not (node.name == "__init__" and node.args.kwonlyargs and len(node.args.args) == 1)  # of what is registered
        and (count := len([each for each in (*node.args.args, *node.args.kwonlyargs) if each.arg not in ("self", "cls")])) > 6
    }
    assert many == {}
