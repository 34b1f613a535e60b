"""The group of all commands: its help, the settings, errors as exit codes."""

from typing import Any, Final

import click

from mlproject import __version__, bootstrap, config
from mlproject.config import Settings
from mlproject.core.errors import (
    AlreadyRunningError,
    ConfigError,
    DataError,
    ModelError,
    TvrecError,
    UnavailableError,
)

EXIT_CODES: Final[dict[type[TvrecError], int]] = {
    ConfigError: 3,
    DataError: 4,
    UnavailableError: 5,
    ModelError: 6,
    AlreadyRunningError: 7,
}


INTERRUPTED: Final = 130


class Failure(click.ClickException):
    """One of our errors on its way out: its sentence and its exit code."""

    def __init__(self, error: TvrecError) -> None:
        super().__init__(str(error))
        self.exit_code = next(  # type: ignore[misc]  # click declares one code a class
            (code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), 1
        )


class Commands(click.Group):
    """A group that turns our errors into exit codes, with no stack trace."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
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
    See what was trained:                 tvrec runs
    Ask for recommendations:              tvrec recommend --user 1
    Rate a show:                          tvrec rate --user 1 --show 2 --rating 8
    Train, and promote if it earns it:    tvrec train --epochs 30
    Put a version into production:        tvrec promote --version 2
    Look at the ratings:                  tvrec dataset status
    Find out what is wrong:               tvrec doctor

    Settings come from the environment: TVREC_STATE_DIR, MLFLOW_TRACKING_URI and so on;
    the README has the table.

    \b
    Exit codes: 0 done, 1 unexpected, 2 wrong usage, 3 wrong settings, 4 unusable data,
    5 a server or store does not answer, or a connector fails, 6 trouble with a model,
    7 already running, 130 interrupted.
    """
    settings = config.load()
    bootstrap.set_up_logging(settings)
    ctx.obj = settings


pass_settings = click.make_pass_decorator(Settings)
