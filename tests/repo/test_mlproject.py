"""The MLflow project says what the settings and the command line say."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlproject.cli import tvrec
from mlproject.config import Settings

PROJECT = yaml.safe_load((Path(__file__).parents[2] / "mlproject" / "MLproject").read_text())
ENTRIES: dict[str, dict[str, Any]] = PROJECT["entry_points"]


def test_the_defaults_of_a_training_are_those_of_the_settings() -> None:
    defaults = {name: given["default"] for name, given in ENTRIES["train"]["parameters"].items()}
    assert defaults
    assert defaults == {name: Settings.model_fields[name].default for name in defaults}


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_parameter_is_passed_to_an_option_of_the_command(entry: str) -> None:
    passed = re.findall(r"(--\S+) \{(\w+)\}", ENTRIES[entry]["command"])
    assert {parameter for _, parameter in passed} == set(ENTRIES[entry]["parameters"])
    options = {name for each in tvrec.commands[entry].params for name in each.opts}
    assert {option for option, _ in passed} <= options
    assert all(option == f"--{name.replace('_', '-')}" for option, name in passed)
