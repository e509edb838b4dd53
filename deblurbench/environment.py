"""The machine and the versions that a result was made with."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import torch

from deblurbench.registry import ENTRY_POINTS

PACKAGES = (
    "deblurbench", "torch", "torchvision", "accelerate", "numpy", "scikit-image", "opencv-python-headless", "pillow",
    "safetensors",
)  # fmt: skip


def describe_environment(device: torch.device, processes: int) -> dict[str, Any]:
    """Versions, machine and git state, as JSON values."""
    return {
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in (*PACKAGES, *_plugins())}},
        "machine": {
            "system": platform.platform(),
            "processor": _processor(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "processes": processes,
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        },
        "git": _git_state(),
    }


def describe_device(environment: dict[str, Any]) -> str:
    """The device of an environment for people: its name, and how many threads or processes work on it."""
    machine = environment["machine"]
    processes = f", {machine['processes']} processes" if machine["processes"] > 1 else ""
    if machine["device"] == "cpu":
        name = f"CPU ({machine['processor']})" if machine["processor"] else "CPU"
        return f"{name}, {machine['threads']} of {machine['cores']} cores{processes}"
    return f"{machine['device']}{processes}"


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _plugins() -> list[str]:
    """The packages that register networks or others by an entry point."""
    found = importlib.metadata.entry_points(group=ENTRY_POINTS)
    return sorted({plugin.dist.name for plugin in found if plugin.dist is not None})


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def _git_state() -> dict[str, Any] | None:
    """The commit of the source and whether it was changed since; None where git does not keep this package."""
    package = Path(__file__).parent

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=package, capture_output=True, text=True, check=True).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", Path(__file__).relative_to(package).as_posix())  # not merely in somebody's checkout
        return {"commit": git("rev-parse", "HEAD"), "changed": bool(git("status", "--porcelain", "--", "."))}
    except (OSError, subprocess.CalledProcessError):
        return None
