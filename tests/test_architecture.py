"""The order of the house: floors import only from floors above, nothing in circles, and the front door is light."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "deblurbench"
FLOORS = (
    {"errors"},
    {"files", "progress", "devices", "randomness", "registry", "results_folder", "yaml_files"},
    {"images"},
    {"blur"},
    {"classical"},
    {"networks"},
    {"losses"},
    {"metrics", "statistics"},
    {"data"},
    {"checkpoint"},
    {"models"},
    {"training"},
    {"building_blocks", "sweeps", "model_entries", "experiment"},
    {"benchmark"},
    {"report"},
    {"apps"},
)
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


def floor_of(module: str) -> int:
    top = module.split(".")[1]
    return next(number for number, names in enumerate(FLOORS) if top in names)


def test_every_floor_imports_only_from_floors_above() -> None:
    for module, imported in modules().items():
        if module.split(".")[1] in FRONT_DOORS:
            continue
        for other in imported:
            assert other != "deblurbench", f"{module} imports the front door"
            assert floor_of(other) <= floor_of(module), f"{module} imports {other} from a lower floor"


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


def test_files_are_small() -> None:
    long = {str(path): lines for path in PACKAGE.rglob("*.py") if (lines := len(path.read_text().splitlines())) > 300}
    assert long == {}
