"""Commands that run things: ``build``, ``up``, ``guide``, ``doctor``."""

import sys
from datetime import timedelta
from pathlib import Path

import click

from mlproject.bootstrap import App
from mlproject.cli.group import pass_app, tvrec
from mlproject.cli.output import json_option, print_json, print_table, progress
from mlproject.provenance import Trigger, run_tags


@tvrec.command()
@pass_app
def build(app: App) -> None:
    """Train whenever there is something new: the model builder.

    It checks at the start and then every TVREC_BUILD_INTERVAL seconds (120). Every
    TVREC_RETAIN_INTERVAL seconds (3600) it deletes what `tvrec retain` would.

    \b
    tvrec build                                  until Ctrl-C
    TVREC_BUILD_INTERVAL=600 tvrec build         every ten minutes
    TVREC_BUILD_ON=spark tvrec build             on the cluster of TVREC_SPARK_MASTER
    """
    from prometheus_client import CollectorRegistry

    from mlproject.core.memory import give_back
    from mlproject.core.spans import unseen
    from mlproject.monitoring.metrics import BuilderMetrics
    from mlproject.monitoring.port import telling
    from mlproject.pipelines.build import Builder
    from mlproject.pipelines.retain import Retention
    from mlproject.scheduling import run_every
    from mlproject.signals import stop_on_signals

    stop = stop_on_signals(app.alive_file)
    registry = CollectorRegistry()
    metrics = BuilderMetrics(registry)
    tracing = app.tracing("model-builder")
    builder = Builder(
        app.store,
        app.registry,
        app.model_cache("builder"),
        app.competitors,
        app.train_params,
        tags=run_tags(app.settings, Trigger.SCHEDULE),
        min_known=app.settings.min_known,
        show_progress=lambda trainer: progress(trainer.name, trainer.epochs),
        should_stop=stop.is_set,
        on_cycle=metrics.show,
        cold_every=app.settings.cold_every,
        load=app.spark_loads(stop.is_set).load if app.settings.build_on == "spark" else None,
        span=tracing.span if tracing else unseen,
    )
    retention = Retention(
        app.registry,
        app.keep,
        timedelta(seconds=app.settings.retain_interval),
        app.free_rows,
        stop.is_set,
    )
    build_once = metrics.counted(builder.build)

    def build_and_rest() -> None:
        try:
            build_once()
            retention.look(app.clock.now())
        finally:
            give_back()

    with telling(app.settings, "model-builder", registry):
        run_every(app.settings.build_interval, build_and_rest, stop)


@tvrec.command()
@click.option(
    "--procfile",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=Path("Procfile"),
    show_default=True,
)
@pass_app
def up(app: App, procfile: Path) -> None:
    """Start everything on this machine.

    Ctrl-C stops it. `make run` calls this.

    \b
    tvrec up
    TVREC_MLFLOW_PORT=5001 tvrec up
    """
    from mlproject.launch import up as start

    sys.exit(start(app.settings, procfile.resolve()))


@tvrec.command()
@pass_app
def guide(app: App) -> None:
    """Say when each part is up.

    It waits for MLflow, a version in production and the service; a process of `make run`.

    \b
    tvrec guide       until Ctrl-C
    """
    from mlproject.guide import follow
    from mlproject.signals import stop_on_signals

    follow(app, stop_on_signals(), click.echo)


@tvrec.command()
@click.option(
    "--repair", is_flag=True, help="First complete decisions that a killed process left unfinished."
)
@json_option
@pass_app
def doctor(app: App, *, repair: bool, as_json: bool) -> None:
    """Check every part, and say how to fix it.

    Ends with exit code 5 if something is wrong.

    \b
    tvrec doctor
    tvrec doctor --json
    tvrec doctor --repair       after a `tvrec promote` that was killed
    """
    from mlproject.doctor import examine
    from mlproject.doctor import repair as mend

    for mended in mend(app) if repair else ():
        click.echo(mended, err=True)
    findings = examine(app)
    if as_json:
        print_json([finding.__dict__ for finding in findings])
    else:
        rows = [
            ("ok" if finding.ok else "FAILED", finding.part, finding.text) for finding in findings
        ]
        print_table("Doctor", ("", "part", "finding"), rows)
    if not all(finding.ok for finding in findings):
        sys.exit(5)
