"""How a command comes by its app, and how that ends."""

from collections.abc import Callable

import click
import pytest
from click.testing import CliRunner, Result

from mlproject.bootstrap import App
from mlproject.cli.group import Commands, pass_app, setting
from mlproject.core.errors import ConfigError

Invoke = Callable[..., Result]


@pytest.fixture
def invoke() -> Invoke:
    """Run a command that tells its settings, and of the end of its app."""

    @click.group(cls=Commands)
    def group() -> None: ...

    @group.command()
    @setting("--epochs", type=int)
    @click.option("--fail", is_flag=True)
    @pass_app
    def show(app: App, *, fail: bool) -> None:
        app._open.callback(click.echo, "closed")
        if fail:
            raise ConfigError("as asked")
        click.echo(f"{app.settings.epochs} epochs")

    return lambda *words, **env: CliRunner().invoke(group, ["show", *words], env=env, obj=App)


def test_an_option_comes_before_the_environment(invoke: Invoke) -> None:
    assert invoke().stdout == "15 epochs\nclosed\n"
    assert invoke(TVREC_EPOCHS="5").stdout == "5 epochs\nclosed\n"
    assert invoke("--epochs", "3", TVREC_EPOCHS="5").stdout == "3 epochs\nclosed\n"


def test_the_app_is_closed_when_the_command_fails(invoke: Invoke) -> None:
    result = invoke("--fail")
    assert result.exit_code == 3
    assert result.stdout == "closed\n"
    assert result.stderr == "Error: as asked\n"


def test_help_needs_no_right_settings(invoke: Invoke) -> None:
    assert invoke("--help", TVREC_EPOCHS="many").exit_code == 0
    assert invoke(TVREC_EPOCHS="many").exit_code == 3
