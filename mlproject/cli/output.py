"""Output for people and for programs; rich is loaded by what it draws, a fifth of a start."""

import json
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol

import click

from mlproject.core.masking import mask

log = logging.getLogger(__name__)

LOG_SECONDS: Final = 60.0
_ELSEWHERE: Final = 200

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON for programs instead of a table."
)


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(mask(value), indent=2, ensure_ascii=False, default=str))


def print_table(title: str, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table, as wide as the terminal, or as wide as it must be elsewhere."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # As Text, since rich would read "[title of show]" as markup.
    table = Table(title=Text(mask(title)), title_justify="left")
    for header in headers:
        table.add_column(Text(header), overflow="fold")
    for row in rows:
        table.add_row(*map(Text, mask(row)))
    Console(width=width()).print(table)


def width() -> int:
    """Return how many columns there are: the terminal's, or many elsewhere."""
    from rich.console import Console

    console = Console()
    return console.width if console.is_terminal else _ELSEWHERE


class Report(Protocol):
    """Says how far the work is."""

    def __call__(self, done: int, of: int | None = None) -> None:
        """Say that ``done`` steps are done, ``of`` how many."""
        ...


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Report]:
    """Show how far the work is: a bar on a terminal, a log line now and then elsewhere.

    Yields
    ------
    Report
        To be called with the number of steps done, and of all if that is known only now.
    """
    if not sys.stderr.isatty():
        yield _logged(what, total)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done, of=None: bar.update(task, completed=done, total=of or total)


def _logged(what: str, total: int | None) -> Report:
    last = time.monotonic()

    def report(done: int, of: int | None = None) -> None:
        nonlocal last
        if time.monotonic() - last >= LOG_SECONDS:
            last = time.monotonic()
            whole = of or total
            log.info("%s: %d%s", what, done, f" of {whole}" if whole else "")

    return report
