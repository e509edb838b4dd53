"""What the README claims is true."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from deblurbench.apps.cli import app
from deblurbench.experiment.composition import find_experiment
from deblurbench.experiment.experiment import load_experiment
from deblurbench.registry import MODELS, NETWORKS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


@pytest.fixture
def plain() -> Iterator[str]:
    """The README's network, registered as it stands there."""
    code = next(block for block in re.findall(r"```python\n(.*?)```", README, re.S) if "register" in block)
    assert len(code.strip().splitlines()) < 25
    NETWORKS.names()
    exec(code, {"__name__": "readme"})
    yield "plain"
    del NETWORKS._classes["plain"]


def test_the_network_it_adds_runs_in_every_family(plain: str) -> None:
    for family in ("cnn", "gan", "diffusion"):
        model = MODELS.build({"name": family, "network": {"name": plain, "width": 4}})
        assert model.restore(torch.rand(1, 3, 21, 34)).shape == (1, 3, 21, 34)


def test_its_overrides_are_sound(plain: str) -> None:
    overrides = re.findall(r"deblurbench run (\w[\w-]*) ((?:[\w.-]+=\S.*?)?)(?: --out.*| +#.*)?$", README, re.M)
    assert len(overrides) >= 4
    for name, rest in overrides:
        arguments = [rest] if rest.count("=") == 1 else rest.split()
        load_experiment(find_experiment(name), [argument.replace("'", "") for argument in arguments])


def test_every_command_it_shows_is_there() -> None:
    for command in set(re.findall(r"deblurbench (run|cell|init|report|deblur|export|models|evaluate|data|rate)\b", README)):
        assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0


def test_every_file_and_heading_it_points_to_is_there() -> None:
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert len(links) >= 3
    for link in links:
        name, _, anchor = link.partition("#")
        assert (ROOT / name).exists(), link
        headings = re.findall(r"^#+ (.*)$", (ROOT / name).read_text(), re.M) if anchor else []
        slugs = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
        assert not anchor or anchor in slugs, link
