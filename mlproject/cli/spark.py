"""Commands on Spark: ``spark ingest``, ``spark train``, ``spark cluster``."""

from dataclasses import asdict
from pathlib import Path

import click

from mlproject.bootstrap import SPARK_TRAINERS, App
from mlproject.cli.group import pass_app, setting, tvrec
from mlproject.cli.output import json_option, print_json
from mlproject.cli.train import print_result, promote_option, train_by_hand, trainer_option
from mlproject.signals import interrupted_by_sigterm, stop_on_signals


@tvrec.group()
def spark() -> None:
    """Run steps on Apache Spark, for data too large for one machine.

    They run on the cluster that TVREC_SPARK_MASTER names, or on this machine's processors.
    TVREC_SPARK_CONF sets further Spark properties as JSON. docs/scaling.md says what they cost.

    \b
    make spark                                    a cluster of two workers on this machine
    TVREC_SPARK_MASTER=spark://127.0.0.1:7077 tvrec spark train
    TVREC_BUILD_ON=spark tvrec build              train there whenever there is something new
    spark-submit --master spark://host:7077 services/spark/submit.py ingest
    """


@spark.command()
@json_option
@pass_app
def ingest(app: App, *, as_json: bool) -> None:
    """Bring the snapshot up to the newest batch.

    It writes what the builder would write, with the same checks, quarantine and digest. It
    reads each batch once, so running it again costs next to nothing.

    \b
    tvrec spark ingest
    TVREC_SPARK_MASTER=spark://host:7077 tvrec spark ingest --json
    """
    with interrupted_by_sigterm(), app.spark("tvrec ingest") as session:
        from mlproject.spark.ingest import ingest as run_ingest

        report = run_ingest(session, app.open_store)
    if as_json:
        print_json({**asdict(report), "superseded": report.superseded})
        return
    read = report.read
    click.echo(
        f"{read.batches:,} batches read, {read.unreadable:,} unreadable; {read.events:,} events, "
        f"{read.rejected:,} rows rejected"
    )
    click.echo(
        f"{report.fresh:,} ratings are new, {report.replaced:,} of them replace older ones; "
        f"generation {report.generation}"
    )


@spark.command()
@trainer_option(SPARK_TRAINERS)
@setting("--dimensions", type=int, help="Length of the factors (als).")
@setting("--iterations", "als_iterations", type=int, help="Iterations (als).")
@setting("--seed", type=int, help="Seed of the split and the training.")
@setting("-k", type=int, help="The k of precision@k.")
@promote_option
@json_option
@pass_app
def train(app: App, *, trainer_name: str, promote: bool, as_json: bool) -> None:
    """Train once on the ratings of all users, and log the run to MLflow.

    It ingests new batches first. Metrics and gate are those of `tvrec train`, over all users.
    The ratings of at most TVREC_SPARK_USERS users, sampled by a hash if there are more, are
    collected on the driver, where they determine what is popular.

    \b
    tvrec spark train                           ALS of Spark MLlib
    tvrec spark train --trainer linear          the sparse linear model
    tvrec spark train --dimensions 128 --no-promote --json
    """
    settings = app.settings
    app.registry.ping()
    with interrupted_by_sigterm(), app.spark("tvrec train") as session:
        from mlproject.pipelines.spark_dataset import load_on_spark

        data, dataset = load_on_spark(
            session,
            app.store,
            app.open_store,
            most_users=settings.spark_users,
            min_known=settings.min_known,
        )
        trainer = app.spark_trainer(trainer_name, data)
        where = {"spark": str(session.sparkContext.master)}
        result = train_by_hand(app, dataset, trainer, "steps", where, promote=promote)
    print_result(app, dataset, result, as_json=as_json)


@spark.command()
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True)
@click.option("--cores", type=click.IntRange(1), default=1, show_default=True, help="Per worker.")
@click.option(
    "--memory", default="1g", show_default=True, help="Per worker, for Spark's executors."
)
@click.option("--port", type=click.IntRange(0, 65535), default=7077, show_default=True)
@click.option(
    "--page-port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="Port of the master's page; 0: any free port.",
)
@pass_app
def cluster(app: App, *, workers: int, cores: int, memory: str, port: int, page_port: int) -> None:
    """Run a standalone cluster on this machine, until Ctrl-C.

    It starts a master and its workers as plain processes, to try things out; Spark pays off
    only with several machines.

    \b
    tvrec spark cluster
    tvrec spark cluster --workers 4 --memory 2g
    """
    from mlproject.spark.standalone import standalone

    stop = stop_on_signals()
    folder: Path = app.settings.state_dir / "spark"
    with standalone(
        folder, workers=workers, cores=cores, memory=memory, port=port, page_port=page_port
    ) as found:
        click.echo(f"{workers} workers; the page is {found.page}, the logs are in {folder}")
        click.echo(f"TVREC_SPARK_MASTER={found.master} tvrec spark ingest")
        stop.wait()
