"""Commands that move data: ``export-shows``, ``generate-ratings``, ``data fetch``."""

import json
import logging
from contextlib import ExitStack
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Final

import click

from mlproject.bootstrap import App
from mlproject.cli.group import pass_app, setting, tvrec
from mlproject.cli.output import json_option, print_json, progress
from mlproject.config import Settings
from mlproject.core.cancel import Cancelled

log = logging.getLogger(__name__)

_PAUSE_SECONDS: Final = 30.0


@tvrec.command("export-shows")
@click.option("--loop", is_flag=True, help="Repeat every TVREC_EXPORT_INTERVAL seconds.")
@click.option("--force", is_flag=True, help="Replace the catalogue even with a much smaller one.")
@setting(
    "--catalogue",
    "catalogue_file",
    type=click.Path(path_type=Path),
    help="File of shows; docs/reading-files.md lists the kinds.",
)
@setting(
    "--source",
    "catalogue_source",
    type=click.Choice(["bundled", "tvmaze"]),
    help="Source of the catalogue if no file is given.",
)
@json_option
@pass_app
def export_shows(app: App, *, loop: bool, force: bool, as_json: bool) -> None:
    """Put the catalogue of shows into the object store.

    \b
    tvrec export-shows                         the bundled catalogue
    tvrec export-shows --catalogue anime.csv   a file of your own
    tvrec export-shows --source tvmaze         all of TVMaze; later only what changed
    """
    if loop:
        _export_again_and_again(app, force=force)
        return
    from mlproject.pipelines.export_shows import export_shows as export

    result = export(app.catalogue_source, app.store, app.clock, force=force)
    done = "exported" if result.written else "unchanged:"
    log.info("%s %d shows in %s", done, result.shows, app.store.uri)
    if as_json:
        print_json(asdict(result))


def _export_again_and_again(app: App, *, force: bool) -> None:
    from prometheus_client import CollectorRegistry

    from mlproject.cli.apart import run_apart
    from mlproject.monitoring.metrics import ExporterMetrics
    from mlproject.monitoring.port import telling
    from mlproject.scheduling import run_every
    from mlproject.signals import stop_on_signals

    settings = app.settings
    arguments = ["export-shows", "--json", "--source", settings.catalogue_source]
    if settings.catalogue_file:
        arguments += ["--catalogue", str(settings.catalogue_file)]
    arguments += ["--force"] if force else []

    registry = CollectorRegistry()
    metrics = ExporterMetrics(registry)
    with telling(settings, "data-exporter", registry):
        job = metrics.counted(lambda: run_apart(arguments))
        run_every(settings.export_interval, job, stop_on_signals(app.alive_file))


@tvrec.command("generate-ratings")
@setting(
    "--replay", "ratings_file", type=click.Path(path_type=Path), help="Ratings file to replay."
)
@setting("--scale", help="Scale of the file's ratings, such as 1-5 or 0-100; default: detected.")
@setting("--unrated", type=float, help="Rating that means watched but not rated, such as 0.")
@setting(
    "--rate", "event_rate", type=float, help="Live ratings per second; 0: as fast as possible."
)
@setting("--users", "seed_users", type=int, help="Simulated users at first start.")
@setting("--ratings", "seed_ratings", type=int, help="Simulated ratings in the backlog.")
@setting("--seed", type=int, help="Seed of the simulation; equal seeds give equal raters.")
@click.option("--once", is_flag=True, help="Send only the backlog, then end.")
@pass_app
def generate_ratings(app: App, *, once: bool) -> None:
    """Send ratings: simulated ones, or those of a file.

    The backlog (100,000 simulated ratings, or most of the file) is sent at once, the rest
    at the live rate. A second start continues where the first one stopped. Ratings go to
    Kafka if KAFKA_BOOTSTRAP_SERVERS is set, otherwise straight into batch objects.

    \b
    tvrec generate-ratings                           simulate, until Ctrl-C
    tvrec generate-ratings --once --ratings 5000     5000 ratings, then end
    tvrec generate-ratings --replay ml/ratings.csv   replay a MovieLens file
    tvrec generate-ratings --replay own.csv --scale 1-5 --unrated 0
    """
    from prometheus_client import CollectorRegistry

    from mlproject.core.retry import until_available
    from mlproject.events.replay import ReplaySource
    from mlproject.monitoring.metrics import GeneratorMetrics
    from mlproject.monitoring.port import telling
    from mlproject.monitoring.sink import CountedSink
    from mlproject.objects.locks import hold
    from mlproject.pipelines.generate_ratings import generate_ratings as generate
    from mlproject.pipelines.take_up import check_catalogue_is_there, known_share, take_up
    from mlproject.signals import stop_on_signals

    settings, store = app.settings, app.store
    with ExitStack() as stack:
        if settings.bucket is None:
            # Two writers of one partition would overwrite each other's batches.
            lock = settings.state_dir / "generator.lock"
            stack.enter_context(hold(lock, "another `tvrec generate-ratings`"))
        stop = stop_on_signals(app.alive_file)
        registry = CollectorRegistry()
        metrics = GeneratorMetrics(registry)
        if not once:
            stack.enter_context(telling(settings, "event-generator", registry))
        try:
            # What is set aside of a file goes into the store.
            if settings.ratings_file is None and not once:
                until_available(lambda: check_catalogue_is_there(store), stop)
            read = until_available(lambda: app.rating_source, stop)
            sink = CountedSink(app.open_rating_sink(stop), metrics)
            source = until_available(
                lambda: take_up(read, store, sink.position, settings.seed), stop
            )
            if isinstance(source, ReplaySource):
                _say_what_is_known(settings, known_share(source, store))
        except Cancelled:
            return
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
            while not stop.wait(_PAUSE_SECONDS):
                pass


def _say_what_is_known(settings: Settings, share: float | None) -> None:
    """Tell at once what a build would refuse."""
    mend = "`tvrec export-shows --catalogue FILE` exports the catalogue of the file's own shows"
    if share is None:
        log.warning("no catalogue is exported yet to tell the file's shows; %s", mend)
    elif share < settings.min_known:
        log.warning(
            "the exported catalogue knows the shows of %.0f %% of the ratings only, and no build "
            "trains on less than %.0f %% (TVREC_MIN_KNOWN); %s",
            100 * share,
            100 * settings.min_known,
            mend,
        )
    else:
        log.info("the exported catalogue knows the shows of %.1f %% of the ratings", 100 * share)


@tvrec.group()
def events() -> None:
    """Look at events."""


@events.command()
@click.option("--from-start", is_flag=True, help="Start with the oldest event.")
@click.option("--limit", type=click.IntRange(1), help="Stop after this many events.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines.")
@pass_app
def tail(app: App, *, from_start: bool, limit: int | None, as_json: bool) -> None:
    """Print events as they arrive, decoded.

    From Kafka if KAFKA_BOOTSTRAP_SERVERS is set, otherwise from the batch objects.

    \b
    tvrec events tail
    tvrec events tail --from-start --limit 5 --json
    """
    from mlproject.signals import stop_on_signals

    flow = app.event_tail(stop_on_signals(), from_start=from_start)
    for event in islice(flow, limit):
        if as_json:
            click.echo(json.dumps(event, default=str))
        else:
            rating = "watched" if event["rating"] is None else f"rated {event['rating']}"
            when = f"{event['rated_at']:%Y-%m-%d %H:%M:%S}"
            click.echo(f"{when}  user {event['user_id']}  show {event['show_id']}  {rating}")


@tvrec.group()
def data() -> None:
    """Public data sets."""


@data.command()
@click.argument("name", type=click.Choice(["anime"]))
@pass_app
def fetch(app: App, name: str) -> None:
    """Download a public data set into the state folder, once.

    \b
    tvrec data fetch anime    7.8 million ratings of 12,294 anime shows (Kaggle, CC0)
    """
    from mlproject.pipelines.fetch_data import fetch_anime

    with progress("bytes") as report:
        shows, ratings = fetch_anime(app.settings.state_dir / "data" / name, on_progress=report)
    click.echo(f"make run STATE=var-{name} RATINGS={ratings} CATALOGUE={shows}")
