"""Commands that manage Kafka and Kafka Connect: ``topics``, ``connect``."""

import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import click

from mlproject.bootstrap import App
from mlproject.cli.group import pass_app, tvrec
from mlproject.cli.output import json_option, print_json, print_table

dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Say what would be done, and change nothing."
)


@tvrec.group()
def topics() -> None:
    """Manage the topics in Kafka."""


@topics.command("apply")
@dry_run_option
@pass_app
def apply_topics(app: App, *, dry_run: bool) -> None:
    """Create the topics of ratings, or update them to match the settings.

    `ratings` holds the events; `ratings.dlq`, with one partition, those that the connector
    cannot read. A second run changes nothing. A change of retention is printed; with a shorter
    one Kafka deletes older events, which remain in the batches. The number of partitions is
    never changed, since a user's events would move to another partition: a mismatch ends with
    exit code 3.

    \b
    tvrec topics apply --dry-run
    tvrec topics apply
    TVREC_TOPIC_RETENTION_DAYS=7 tvrec topics apply
    """
    from mlproject.kafka.topics import apply_topics as run_apply

    for change in run_apply(app.broker, app.topic_specs, dry_run=dry_run):
        click.echo(f"{change}{' (dry run)' if dry_run else ''}")


@tvrec.group()
def connect() -> None:
    """Manage the connector that writes ratings from Kafka into the bucket."""


@connect.command("apply")
@click.option(
    "--file",
    "own",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A config of your own (JSON), for another sink or registry.",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0),
    default=60,
    show_default=True,
    help="Seconds to wait for Connect and for all tasks to run.",
)
@dry_run_option
@pass_app
def apply_connector(app: App, *, own: Path | None, timeout_s: float, dry_run: bool) -> None:
    """Create the connector, or update its config to match the settings.

    Its name is `ratings-batches`. It waits until the connector and all its tasks run, and
    restarts those that have failed. The config holds no keys: with AWS_ACCESS_KEY_ID set here,
    it says ${env:AWS_ACCESS_KEY_ID}, which the worker's EnvVarConfigProvider fills in; without it,
    the worker's AWS SDK finds credentials itself.

    \b
    tvrec connect apply --dry-run            show which keys would change
    tvrec connect apply
    tvrec connect apply --file sink.json     Confluent's or Aiven's sink instead
    """
    from mlproject.kafka.connect import apply_config
    from mlproject.kafka.connector import NAME, differences, read_config

    client = app.connect_client
    config = read_config(own) if own else app.connector_config
    changed = False

    def show(found: Mapping[str, str] | None) -> None:
        nonlocal changed
        changed = True
        done = "created" if found is None else "changed"
        click.echo(f"{NAME}: {done}{' (dry run)' if dry_run else ''}")
        for line in differences(found or {}, config):
            click.echo(f"  {line}")

    state = apply_config(client, config, timeout_s=timeout_s, on_change=show, dry_run=dry_run)
    if not changed:
        click.echo(f"{NAME}: unchanged")
    if state:
        click.echo(f"{NAME}: {state}")


@connect.command("status")
@json_option
@pass_app
def connector_status(app: App, *, as_json: bool) -> None:
    """Show whether the connector runs, and how far behind it is.

    The end of a partition is the offset that its next event gets; written is the offset up to
    which events are in the bucket, as Connect last told Kafka (once a minute by default);
    lag is what lies between. Dead letters are events that could not be read. Ends with exit
    code 1 if the connector or a task has failed, or does not exist.

    \b
    tvrec connect status
    tvrec connect status --json
    """
    from mlproject.core.topics import DEAD_LETTER_TOPIC, TOPIC
    from mlproject.kafka.connector import GROUP, NAME
    from mlproject.kafka.offsets import group_lag, offset_ranges

    client, broker = app.connect_client, app.broker
    state = client.state(NAME)
    lags = group_lag(broker, GROUP, TOPIC)
    dead = sum(end - start for start, end in offset_ranges(broker, DEAD_LETTER_TOPIC).values())
    failures = ["there is no such connector; `tvrec connect apply` creates it"]
    if state is not None:
        failures = state.failures
    if as_json:
        print_json(
            {
                "connector": NAME,
                "state": state.state if state else None,
                "tasks": [asdict(task) for task in state.tasks] if state else [],
                "partitions": [{**asdict(each), "lag": each.lag} for each in lags],
                "lag": sum(each.lag for each in lags),
                "dead_letters": dead,
            }
        )
    else:
        click.echo(f"{NAME}: {state or 'does not exist'}")
        rows = [
            (
                str(each.partition),
                f"{each.end:,}",
                "" if each.committed is None else f"{each.committed:,}",
                f"{each.lag:,}",
            )
            for each in lags
        ]
        print_table(f"Topic {TOPIC}", ("partition", "end", "written", "lag"), rows)
        click.echo(f"{dead:,} dead letters in {DEAD_LETTER_TOPIC}")
    for failure in failures:
        click.echo(f"{NAME}: {failure}", err=True)
    if failures:
        sys.exit(1)
