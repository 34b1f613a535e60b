"""The command ``retain``."""

import click

from mlproject.bootstrap import App
from mlproject.cli.group import pass_app, tvrec
from mlproject.cli.output import json_option, print_json


@tvrec.command()
@click.option("--dry-run", is_flag=True, help="Only say what would be deleted.")
@json_option
@pass_app
def retain(app: App, *, dry_run: bool, as_json: bool) -> None:
    """Delete old models, runs and versions, as the builder does hourly.

    Models of runs without a version are deleted after TVREC_KEEP_MODELS_HOURS, runs after
    TVREC_KEEP_RUNS_DAYS, versions after TVREC_KEEP_VERSIONS_DAYS. A version that has an alias or
    is named by one of the last TVREC_KEEP_HISTORY decisions is kept, with its run and its model.
    One pass deletes at most 2,000 of each kind.

    \b
    tvrec retain --dry-run
    tvrec retain
    """
    from mlproject.pipelines.retain import find_waste, throw_away

    registry = app.registry
    registry.ping()
    waste = find_waste(registry, app.keep, app.clock.now())
    freed = False
    if not dry_run:
        throw_away(registry, waste)
        freed = app.free_rows()
    if as_json:
        print_json(
            {
                "versions": [info.number for info in waste.versions],
                "models": [model.model_id for model in waste.models],
                "runs": [run.run_id for run in waste.runs],
                "dry_run": dry_run,
                "rows_freed": freed,
            }
        )
        return
    click.echo(f"{'would be deleted' if dry_run else 'deleted'}: {waste.sentence}")
    if not dry_run and not freed:
        click.echo(
            "the rows of MLflow's database are freed by `mlflow gc --older-than 7d` beside it, or "
            "here with MLFLOW_BACKEND_STORE_URI"
        )
