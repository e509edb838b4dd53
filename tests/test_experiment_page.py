"""The page of all keys of an experiment file is what the code says today."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from deblurbench.apps import experiment_keys
from deblurbench.experiment.composition import KEYS

SCRIPT = Path(__file__).parent.parent / "docs" / "write_experiment_keys.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("write_experiment_keys", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_keys_is_that_of_the_code(script: ModuleType) -> None:
    assert script.page() == script.PAGE.read_text(encoding="utf-8"), "run: python docs/write_experiment_keys.py"
    assert tuple(experiment_keys.EXPERIMENT) == KEYS


def test_a_key_without_a_sentence_is_an_error(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(experiment_keys.TRAINING, "steps")
    with pytest.raises(KeyError, match=r"alone: \['steps'\]"):
        script.page()
