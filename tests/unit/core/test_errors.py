"""The tree of errors is the one that its module draws."""

import inspect
import re

from mlproject.core import errors
from mlproject.core.errors import TvrecError


def drawn() -> dict[str, str]:
    """Each error of the drawing and its parent."""
    parents: dict[str, str] = {}
    branch: list[str] = []
    for line in str(errors.__doc__).splitlines():
        if found := re.match(r"    (?P<branches>[│├└─ ]*)(?P<name>\w+Error)\b", line):
            depth = len(found["branches"]) // 4
            branch = [*branch[:depth], found["name"]]
            parents[found["name"]] = branch[-2] if depth else "Exception"
    return parents


def test_the_drawn_tree_is_the_real_one() -> None:
    real = {
        name: ", ".join(base.__name__ for base in error.__bases__)
        for name, error in inspect.getmembers(errors, inspect.isclass)
    }
    assert drawn() == real


def test_there_is_one_root() -> None:
    for name, error in inspect.getmembers(errors, inspect.isclass):
        assert issubclass(error, TvrecError), name
        assert error.__doc__, name


def test_the_text_is_the_sentence_alone() -> None:
    assert str(errors.ConfigError("set it")) == "set it"
