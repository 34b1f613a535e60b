"""Commands that move data: ``export-shows``, ``generate-ratings``, ``data fetch``."""

import logging
from contextlib import ExitStack
from pathlib import Path

import click

from mlproject import bootstrap, config
from mlproject.cli import pass_settings, tvrec
from mlproject.cli.output import progress
from mlproject.config import Settings

log = logging.getLogger(__name__)


@tvrec.command("export-shows")
@click.option("--loop", is_flag=True, help="Again every TVREC_EXPORT_INTERVAL seconds.")
@click.option("--force", is_flag=True, help="Replace the catalogue even by a much smaller one.")
@click.option("--catalogue", type=click.Path(path_type=Path), help="CSV file of shows.")
@pass_settings
def export_shows(settings: Settings, *, loop: bool, force: bool, catalogue: Path | None) -> None:
    """Put the catalogue of shows into the object store.

    \b
    tvrec export-shows                         the bundled catalogue
    tvrec export-shows --catalogue anime.csv   a file of your own
    """
    from mlproject.pipelines.export_shows import export_shows as export

    if catalogue:
        settings = config.load(catalogue_file=catalogue)
    source, store = bootstrap.catalogue_source(settings), bootstrap.object_store(settings)

    def once() -> None:
        result = export(source, store, force=force)
        done = "exported" if result.written else "unchanged:"
        log.info("%s %d shows in %s", done, result.shows, store.uri)

    if not loop:
        once()
        return
    from mlproject.scheduling import run_every
    from mlproject.signals import stop_on_signals

    run_every(settings.export_interval, once, stop_on_signals())


@tvrec.command("generate-ratings")
@click.option("--ratings", type=click.Path(path_type=Path), help="Ratings file to replay.")
@click.option("--rate", type=float, help="Live ratings a second; 0: as fast as possible.")
@click.option("--once", is_flag=True, help="Only the backlog: end when it is sent.")
@pass_settings
def generate_ratings(
    settings: Settings, *, ratings: Path | None, rate: float | None, once: bool
) -> None:
    """Send ratings: simulated ones, or those of a file.

    The backlog (100,000 simulated ratings, or most of the file) is sent at once, the rest
    at the live rate. A second start goes on where the first one stopped.

    \b
    tvrec generate-ratings                           simulate, until Ctrl-C
    tvrec generate-ratings --once                    only the backlog
    tvrec generate-ratings --ratings ml/ratings.csv  replay a MovieLens file
    """
    from mlproject.pipelines.generate_ratings import generate_ratings as generate
    from mlproject.signals import stop_on_signals
    from mlproject.storage.locks import hold

    settings = config.load(ratings_file=ratings, event_rate=rate)
    with ExitStack() as stack:
        if settings.bucket is None:
            # Two writers of one partition would overwrite each other's batches.
            lock = settings.state_dir / "generator.lock"
            stack.enter_context(hold(lock, "another `tvrec generate-ratings`"))
        stop = stop_on_signals()
        source, sink = bootstrap.rating_source(settings), bootstrap.rating_sink(settings)
        with progress("ratings sent", source.backlog if once else None) as report:
            sent = generate(
                source,
                sink,
                rate=settings.event_rate,
                stop=stop,
                live=not once,
                on_progress=report,
            )
        log.info("sent %d ratings, %d in all", sent, sink.position)
        if not once:
            # A file that has ended is no reason to end the processes beside this one.
            stop.wait()


@tvrec.group()
def data() -> None:
    """Public data sets."""


@data.command()
@click.argument("name", type=click.Choice(["anime"]))
@pass_settings
def fetch(settings: Settings, name: str) -> None:
    """Download a public data set into the state folder, once.

    \b
    tvrec data fetch anime    7.8 million ratings of 12,294 anime shows (Kaggle, CC0)
    """
    from mlproject.pipelines.fetch_data import fetch_anime

    with progress("bytes", None) as report:
        shows, ratings = fetch_anime(
            settings.state_dir / "data" / name, on_progress=lambda done, _total: report(done)
        )
    click.echo(f"make run STATE=var-{name} RATINGS={ratings} CATALOGUE={shows}")
