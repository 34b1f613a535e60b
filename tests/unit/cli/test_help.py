"""The help of the commands."""

from collections.abc import Callable, Iterator

import click
import pytest
from click.testing import Result

from mlproject.cli import tvrec

Run = Callable[..., Result]


def commands(group: click.Group, path: str) -> Iterator[str]:
    """Yield every command's path, groups left out."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}"


COMMANDS = list(commands(tvrec, "tvrec"))


@pytest.mark.parametrize("path", COMMANDS)
def test_the_help_of_a_command_says_what_it_does(run: Run, path: str) -> None:
    result = run(*path.split()[1:], "--help")
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: {path} ")
    assert "\b" not in result.output
    assert "\\b" not in result.output
    assert run(*path.split()[1:], "-h").output == result.output


@pytest.mark.parametrize("path", COMMANDS)
def test_the_help_of_a_command_shows_an_example(run: Run, path: str) -> None:
    lines = run(*path.split()[1:], "--help").output.splitlines()[1:]
    assert [line for line in lines if line.startswith(f"  {path}")]


def test_the_help_and_the_version_of_all(run: Run) -> None:
    assert "tvrec recommend --user 1" in run("--help").output
    assert run("--version").exit_code == 0
    assert run().exit_code == 2, "no command is wrong usage, and shows the help"
    assert "Usage: tvrec" in run().output
