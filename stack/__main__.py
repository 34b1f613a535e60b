"""``python -m stack``: what ``make stack`` and its like call."""

import os
import sys
import time
from pathlib import Path
from typing import Final

import click

from stack import control
from stack.errors import StackError
from stack.install import CHECKSUMS, default_cache, digests, fetch, fetch_other_platforms, install
from stack.layout import Layout
from stack.servers import Stack

_HEALTH: Final = {True: "answers", False: "silent", None: "no port"}


@click.group()
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path("var/stack"),
    show_default=True,
    help="Where the stack keeps everything.",
)
@click.option(
    "--cache",
    type=click.Path(path_type=Path),
    default=default_cache(),
    show_default=True,
    help="Where the servers are installed.",
)
@click.pass_context
def main(context: click.Context, folder: Path, cache: Path) -> None:
    """Run the real servers on this machine, without Docker."""
    context.obj = (Layout(folder.resolve()), cache.expanduser().resolve())


@main.command()
@click.option("--servers-only", is_flag=True, help="Without exporter, generator, builder, service.")
@click.pass_obj
def start(places: tuple[Layout, Path], servers_only: bool) -> None:  # noqa: FBT001 - click's flag
    """Install what is missing and start what does not run."""
    layout, cache = places
    began = time.monotonic()
    programs = install(cache)
    layout.folder.mkdir(parents=True, exist_ok=True)
    if control.is_running(layout):
        ports = layout.ports()
    else:
        ports = layout.ports().free()
        layout.keep_ports(ports)
    stack = Stack(layout, programs, ports, layout.secrets(), with_parts=not servers_only)
    control.start(stack, click.echo)
    click.echo(f"everything is up, after {time.monotonic() - began:.0f} s")
    click.echo(f"  MLflow      {stack.environment['MLFLOW_TRACKING_URI']}")
    click.echo(f"  logs        {layout.logs}")
    click.echo(f"  a shell     . {layout.environment_file}, then tvrec …")
    if not servers_only:
        click.echo(
            f"  ask         curl -X POST http://127.0.0.1:{ports.service}/recommend "
            """-H 'Content-Type: application/json' -d '{"user_id": 1, "num_items": 10}'"""
        )


@main.command()
@click.pass_obj
def status(places: tuple[Layout, Path]) -> None:
    """Show each server: whether it runs, whether it answers, and where."""
    layout, cache = places
    if not control.is_running(layout):
        raise StackError("nothing runs; `make stack` starts it")
    stack = Stack(layout, install(cache), layout.ports(), layout.secrets())
    good = True
    for name, told, healthy, address in control.status(stack):
        good &= healthy is not False and told.startswith("RUNNING")
        click.echo(f"{name:24} {_HEALTH[healthy]:8} {address:42} {told}")
    sys.exit(not good)


@main.command()
@click.pass_obj
def stop(places: tuple[Layout, Path]) -> None:
    """Stop everything; what is kept stays."""
    control.stop(places[0], click.echo)


@main.command()
@click.pass_obj
def lock(places: tuple[Layout, Path]) -> None:
    """Fetch the servers that stack/pom.xml names and pin their checksums."""
    folder = places[1] / "lock"
    fetch(folder)
    fetch_other_platforms(folder)
    lines = [f"{digest}  {name}\n" for name, digest in digests(folder)]
    CHECKSUMS.write_text("".join(lines))
    click.echo(f"{CHECKSUMS.name}: {len(lines)} files")


if __name__ == "__main__":
    try:
        # Children find the programs of this environment.
        os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        main()
    except StackError as error:
        sys.exit(f"stack: {error}")
