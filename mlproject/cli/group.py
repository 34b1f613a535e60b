"""The group of all commands: its help, the app and its settings, errors as exit codes."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final, TypeVar

import click

from mlproject import __version__, config
from mlproject.bootstrap import App
from mlproject.config import Settings
from mlproject.core.disk import telling_of_a_full_disk
from mlproject.core.errors import (
    AlreadyRunningError,
    ConfigError,
    DataError,
    ModelError,
    RequestError,
    TvrecError,
    UnavailableError,
)
from mlproject.core.masking import mask
from mlproject.logs import set_up_logging

EXIT_CODES: Final[dict[type[TvrecError], int]] = {
    RequestError: 2,
    ConfigError: 3,
    DataError: 4,
    UnavailableError: 5,
    ModelError: 6,
    AlreadyRunningError: 7,
}
INTERRUPTED: Final = 130

# Where click's context keeps the settings that were given as options.
_GIVEN: Final = "mlproject.settings"

Command = TypeVar("Command", bound=Callable[..., Any])


class Failure(click.ClickException):
    """One of our errors as click reports it: a sentence and an exit code."""

    def __init__(self, error: TvrecError) -> None:
        super().__init__(mask(str(error)))
        self.exit_code = next(  # type: ignore[misc]  # click declares one code a class
            (code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), 1
        )


class Commands(click.Group):
    """A group that turns our errors into exit codes, with no stack trace."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            with telling_of_a_full_disk():
                return super().invoke(ctx)
        except TvrecError as error:
            raise Failure(error) from error
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.pass_context
def tvrec(ctx: click.Context) -> None:
    """Recommend TV shows: a pipeline from rating event to REST answer.

    \b
    Start everything on this machine:     make run
    List the training runs:               tvrec runs
    Ask for recommendations:              tvrec recommend --user 1
    Rate a show:                          tvrec rate --user 1 --show 2 --rating 8
    Train, and promote if better:         tvrec train --epochs 30
    Search for better settings:           tvrec tune
    Put a version into production:        tvrec promote --version 2
    Go back to the previous version:      tvrec rollback
    Inspect the ratings:                  tvrec dataset status
    Delete a user's data:                 tvrec forget --user 1
    Find out what is wrong:               tvrec doctor

    Settings come from the environment: TVREC_STATE_DIR, MLFLOW_TRACKING_URI and so on;
    docs/settings.md has the table.

    \b
    Exit codes: 0 done, 1 unexpected, 2 wrong usage or a refused rating, 3 wrong settings,
    4 unusable data, 5 a server or store does not answer, or a connector fails, 6 trouble with
    a model, 7 already running, 130 interrupted.
    """
    ctx.obj = ctx.obj or App


def setting(*names: str, **attributes: Any) -> Callable[[Command], Command]:
    """Declare an option that comes before the setting of the same name.

    The command finds it in its settings, not among its arguments.
    """

    def keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
        if value is not None:
            ctx.meta.setdefault(_GIVEN, {})[param.name] = value

    return click.option(*names, callback=keep, expose_value=False, **attributes)


def pass_app(command: Callable[..., None]) -> Callable[..., None]:
    """Hand a command the :class:`App` of this process, closed when the command ends.

    It is made by what the context holds: ``App``, or what a test has given for it.
    """

    @wraps(command)
    def with_app(*args: Any, **options: Any) -> None:
        ctx = click.get_current_context()
        settings = config.load(**ctx.meta.get(_GIVEN, {}))
        set_up_logging(settings)
        config.spare_loopback_the_proxy(settings.host)
        make_app: Callable[[Settings], App] = ctx.obj
        command(ctx.with_resource(make_app(settings)), *args, **options)

    return with_app
