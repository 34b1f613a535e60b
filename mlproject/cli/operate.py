"""Commands that run things: ``build``, ``up``, ``guide``, ``doctor``."""

import logging
import sys
from pathlib import Path

import click

from mlproject import bootstrap
from mlproject.cli.group import pass_settings, tvrec
from mlproject.cli.output import json_option, print_json, print_table, progress
from mlproject.config import Settings

log = logging.getLogger(__name__)


@tvrec.command()
@pass_settings
def build(settings: Settings) -> None:
    """Train again and again: the model builder.

    Now and every TVREC_BUILD_INTERVAL seconds (120), if there is something new.

    \b
    tvrec build                                  until Ctrl-C
    TVREC_BUILD_INTERVAL=600 tvrec build         every ten minutes
    """
    from mlproject.pipelines.train import Dataset, load_dataset, train
    from mlproject.scheduling import run_every
    from mlproject.signals import stop_on_signals

    registry, store = bootstrap.registry(settings), bootstrap.object_store(settings)
    cache, params = bootstrap.model_cache(settings, "builder"), bootstrap.train_params(settings)
    trainer, tags = bootstrap.trainer(settings), bootstrap.run_tags(settings)
    stop = stop_on_signals(bootstrap.alive_file(settings))
    by = "model-builder"
    built = ""
    dataset: Dataset | None = None

    def once() -> None:
        nonlocal built, dataset
        registry.ping()
        # Of a builder that was killed, or of a build in which MLflow went away.
        if abandoned := registry.end_abandoned(by):
            log.warning("ended %d runs that were left open", abandoned)
        dataset = load_dataset(store, dataset.state if dataset else None)
        if dataset.digest == built:
            log.info("nothing new since the last build")
            return
        log.info(
            "training on %d ratings by %d users of %d shows",
            len(dataset.interactions),
            len(dataset.interactions.users),
            len(dataset.catalogue),
        )
        with progress("epochs", trainer.epochs) as report:
            result = train(
                dataset,
                registry,
                cache,
                trainer,
                params,
                by=by,
                tags=tags,
                data_uri=store.uri,
                on_epoch=report,
                should_stop=stop.is_set,
            )
        built = dataset.digest
        became = f"version {result.version.number} is in production" if result.version else "kept"
        log.info(
            "run %s took %.0f s: %s (%s)",
            result.run_id[:8],
            result.metrics["duration_seconds"],
            became,
            result.verdict.reason,
        )

    run_every(settings.build_interval, once, stop)


@tvrec.command()
@click.option(
    "--procfile",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=Path("Procfile"),
    show_default=True,
)
@pass_settings
def up(settings: Settings, procfile: Path) -> None:
    """Start everything on this machine.

    Ctrl-C ends it. `make run` calls this.

    \b
    tvrec up
    TVREC_MLFLOW_PORT=5001 tvrec up
    """
    from mlproject.launch import up as start

    sys.exit(start(settings, procfile.resolve()))


@tvrec.command()
@pass_settings
def guide(settings: Settings) -> None:
    """Say when each part has come up.

    Once each: MLflow, a version in production, the service. One of the processes of `make run`.

    \b
    tvrec guide       until Ctrl-C
    """
    from mlproject.guide import follow
    from mlproject.signals import stop_on_signals

    follow(settings, bootstrap.registry(settings), stop_on_signals(), click.echo)


@tvrec.command()
@json_option
@pass_settings
def doctor(settings: Settings, *, as_json: bool) -> None:
    """Check every connection, say what to mend.

    Ends with exit code 5 if something is wrong.

    \b
    tvrec doctor
    tvrec doctor --json
    """
    from mlproject.doctor import examine

    findings = examine(settings)
    if as_json:
        print_json([finding.__dict__ for finding in findings])
    else:
        rows = [
            ("ok" if finding.ok else "FAILED", finding.part, finding.text) for finding in findings
        ]
        print_table("Doctor", ("", "part", "finding"), rows)
    if not all(finding.ok for finding in findings):
        sys.exit(5)
