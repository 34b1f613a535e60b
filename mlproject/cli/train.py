"""Commands that train: ``train``, ``tune``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import click

from mlproject.bootstrap import TRAINERS, App
from mlproject.cli.group import Command, pass_app, setting, tvrec
from mlproject.cli.output import json_option, print_json, print_table, progress
from mlproject.config import variable
from mlproject.core.errors import ModelError
from mlproject.provenance import run_tags, user_name

if TYPE_CHECKING:
    from mlproject.pipelines.dataset import Dataset
    from mlproject.pipelines.train import TrainResult
    from mlproject.training.trainer import Trainer

log = logging.getLogger(__name__)

_BEST_TRIALS: Final = 5


def trainer_option(
    names: Sequence[str], description: str = "Trainer to use."
) -> Callable[[Command], Command]:
    """Return the option ``--trainer``, whose default is the first of some names."""
    return click.option(
        "--trainer",
        "trainer_name",
        type=click.Choice(names),
        default=names[0],
        show_default=True,
        help=description,
    )


promote_option: Final = click.option(
    "--promote/--no-promote",
    default=True,
    help="Whether to promote the model if it passes the gate.",
)


@tvrec.command()
@trainer_option(TRAINERS)
@setting("--dimensions", type=int, help="Length of the factors.")
@setting("--epochs", type=int, help="Passes over the positives.")
@setting("--learning-rate", type=float, help="Step size of AdaGrad.")
@setting("--max-sampled", type=int, help="Negatives WARP tries for each positive.")
@setting("--l2", type=float, help="Penalty on the vectors.")
@setting("--threads", type=int, help="0: one per processor; 1: reproducible.")
@setting("--seed", type=int, help="Seed of the split and the training.")
@setting("-k", type=int, help="The k of precision@k.")
@promote_option
@json_option
@pass_app
def train(app: App, *, trainer_name: str, promote: bool, as_json: bool) -> None:
    """Train once and log the run to MLflow.

    It trains on the ratings in the store. The model is promoted if it is better than the one in
    production, or if a change is due and costs next to nothing.

    \b
    tvrec train                         with the settings of the builder
    tvrec train --dimensions 128 --epochs 30
    tvrec train --trainer linear        the sparse linear model
    tvrec train --no-promote --json     log the run only
    """
    app.registry.ping()  # before the imports, which take seconds
    from mlproject.pipelines.dataset import load_dataset

    dataset = load_dataset(app.store, min_known=app.settings.min_known)
    trainer = app.trainer(trainer_name)
    result = train_by_hand(app, dataset, trainer, "epochs", promote=promote)
    print_result(app, dataset, result, as_json=as_json)


def train_by_hand(
    app: App,
    dataset: Dataset,
    trainer: Trainer,
    unit: str,
    tags: Mapping[str, str] = MappingProxyType({}),
    *,
    promote: bool,
) -> TrainResult:
    """Train with a progress bar, in a run that says who asked for it.

    Parameters
    ----------
    app, dataset, trainer
        The app, the data and the trainer.
    unit
        What the bar counts.
    tags
        Further tags of the run.
    promote
        Whether the model is promoted if it passes the gate.
    """
    from mlproject.pipelines.train import train as run_training

    with progress(unit, trainer.epochs) as report:
        return run_training(
            dataset,
            app.registry,
            app.model_cache("cli"),
            trainer,
            app.train_params,
            by=user_name(),
            tags={**run_tags(app.settings), **tags},
            data_uri=app.store.uri,
            promote=promote,
            on_epoch=report,
        )


def print_result(app: App, dataset: Dataset, result: TrainResult, *, as_json: bool) -> None:
    """Print the result of a training."""
    if as_json:
        print_json(
            {
                "run_id": result.run_id,
                "promoted": result.version is not None,
                "version": result.version.number if result.version else None,
                "reason": result.verdict.reason,
                "held": result.held.hold if result.held else None,
                "split": result.split,
                "metrics": result.metrics,
            }
        )
        return
    click.echo(f"run {result.run_id}: {result.verdict.reason}")
    held, ratings = result.metrics["ratings_held_out"], result.metrics["ratings"]
    click.echo(f"held out: {held:,.0f} of {ratings:,.0f} ratings, {result.split}")
    share, waiting = dataset.known_share, dataset.waiting
    click.echo(f"the catalogue knows the shows of {share:.1%} of all ratings; {waiting:,} wait")
    for name, value in result.metrics.items():
        if f"_at_{app.settings.k}" in name:
            click.echo(f"  {name:38} {value:.4f}")
    if result.version:
        click.echo(f"version {result.version.number} is in production")
    elif result.held:
        click.echo(f"not promoted, since production is {result.held.hold}; `tvrec release` ends it")
    elif result.verdict.promote:
        click.echo(f"not promoted, as asked; `tvrec promote --run {result.run_id}` does it")
    else:
        click.echo(f"not promoted; `tvrec promote --run {result.run_id}` does it all the same")


@tvrec.command()
@trainer_option(("lightfm", "linear"), "Trainer whose settings to search.")
@click.option("--trials", type=click.IntRange(1), default=20, show_default=True)
@click.option(
    "--seconds",
    type=click.FloatRange(1),
    default=600.0,
    show_default=True,
    help="Seconds after which no new trial starts.",
)
@setting("--threads", type=int, help="0: one per processor; 1: reproducible.")
@setting("--seed", type=int, help="Seed of the split, the slices and the fits.")
@json_option
@pass_app
def tune(app: App, *, trainer_name: str, trials: int, seconds: float, as_json: bool) -> None:
    """Search for better settings of a trainer.

    Each trial is a run below that of the search, and is measured by a slice of the training
    part: the holdout takes no part, so what is found can be trained and compared in good
    faith. The trials are kept in STATE_DIR/tuning, and the next call on the same ratings goes
    on with them. The settings of now are tried first. Nothing is changed.

    \b
    tvrec tune                                  LightFM, twenty trials or ten minutes
    tvrec tune --trainer linear --trials 50
    tvrec tune --seconds 3600 --json | jq '.trials[0].settings'
    """
    app.registry.ping()  # before the imports, which take seconds
    from mlproject.pipelines.dataset import load_dataset
    from mlproject.pipelines.tune import Budget
    from mlproject.pipelines.tune import tune as search

    dataset = load_dataset(app.store, min_known=app.settings.min_known)
    with progress("trials", trials) as report:
        found = search(
            dataset,
            app.registry,
            app.trainer(trainer_name),
            app.settings.state_dir / "tuning",
            Budget(trials, seconds),
            seed=app.settings.seed,
            holdout=app.settings.holdout,
            split=app.settings.split,
            by=user_name(),
            tags=run_tags(app.settings),
            on_trial=report,
        )
    if as_json:
        print_json(
            {
                "trials": [
                    {
                        "number": tried.number,
                        "precision": tried.precision,
                        "settings": tried.settings,
                    }
                    for tried in found.tried
                ],
                "now": found.now,
                "popularity": found.popularity,
                "users": found.users,
            }
        )
        return
    rows = [
        (str(tried.number), f"{tried.precision:.4f}", *map(_shown, tried.settings.values()))
        for tried in found.tried[:_BEST_TRIALS]
    ]
    if not rows:
        raise ModelError("no trial was completed; the log says why, and more --seconds may help")
    title = (
        f"The best of {len(found.tried)} trials, {found.now} of them now, on {found.users:,} users "
        f"of a slice (popularity: {found.popularity:.4f})"
    )
    print_table(title, ("trial", "precision@10", *found.tried[0].settings), rows)
    click.echo("to train with the best:")
    for name, value in found.tried[0].settings.items():
        click.echo(f"export {variable(name)}={_shown(value)}")


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
