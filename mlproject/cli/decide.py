"""Commands by which a person decides: ``promote``, ``rollback``, ``release``."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import click

from mlproject.bootstrap import App
from mlproject.cli.group import pass_app, tvrec
from mlproject.cli.output import json_option, print_json
from mlproject.cli.versions import version_fields
from mlproject.core.decisions import FOREVER
from mlproject.core.errors import DataError
from mlproject.core.runs import AS_MEASURED, SERVED_TAG, VersionInfo
from mlproject.provenance import user_name

if TYPE_CHECKING:
    # It loads NumPy, which must not be there before a command runs.
    from mlproject.pipelines.promote import Findings

_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}


class VersionNumber(click.ParamType[int | None]):
    """A version's number; ``newest`` reads as None, for `mlflow run`, which passes it."""

    name = "number"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | None:
        """Read the option's text."""
        return None if value == "newest" else click.INT.convert(value, param, ctx)


class Duration(click.ParamType[timedelta]):
    """A time such as ``90m``, ``2h`` or ``3d``."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Read the option's text."""
        found = re.fullmatch(r"(\d+)([mhd])", str(value))
        if found is None or not int(found[1]):
            self.fail(f"{value!r} is no time such as 90m, 2h or 3d", param, ctx)
        try:
            return timedelta(**{_UNITS[found[2]]: int(found[1])})
        except OverflowError:
            self.fail(f"{value} is too long; leave it out, and production is held", param, ctx)


held_for = click.option(
    "--for", "held_for", type=Duration(), help="How long to hold it: 90m, 2h, 3d."
)


@tvrec.command()
@click.option("--version", type=VersionNumber(), help="Number of the version, or `newest`.")
@click.option("--run", "run_id", help="Run to make a version of first (id or its beginning).")
@click.option("--challenger", is_flag=True, help="Promote the challenger.")
@held_for
@click.option("--force", is_flag=True, help="Promote it even if a check fails; needs --reason.")
@click.option("--reason", help="Why, for the record.")
@json_option
@pass_app
def promote(  # noqa: PLR0913 - one for each option
    app: App,
    *,
    version: int | None,
    run_id: str | None,
    challenger: bool,
    held_for: timedelta | None,
    force: bool,
    reason: str | None,
    as_json: bool,
) -> None:
    """Put a version into production, and hold it there.

    The version is loaded and checked first. The service follows within seconds. The builder
    continues to train, but replaces the version only after `tvrec release`, or when the time
    given by --for is over.

    This command trains nothing. A model that passed the gate was trained again on all ratings.
    The model of any other run (--run) is served as it was measured, without the ratings that
    were held out.

    \b
    tvrec promote                    the newest version
    tvrec promote --version 2        a version of your choice
    tvrec promote --run 3f2a...      the model of a run that was not promoted
    tvrec promote --challenger       the model that TVREC_PROMOTE keeps out of production
    tvrec promote --version 2 --for 2h --reason "for the demonstration"
    """
    if sum((version is not None, run_id is not None, challenger)) > 1:
        raise click.UsageError("--version, --run and --challenger exclude each other")
    if run_id == "":
        raise click.UsageError("--run names no run; `tvrec runs` lists them")
    if force and not reason:
        raise click.UsageError("--force needs --reason WHY")
    app.registry.ping()  # before the imports, which take seconds
    from mlproject.pipelines.promote import chosen
    from mlproject.pipelines.promote import promote as put_into_production

    # The version comes from MLflow while that is read with which it is checked.
    with ThreadPoolExecutor(1) as beside:
        check = beside.submit(_checker, app)
        info = put_into_production(
            app.registry,
            chosen(
                app.registry,
                version=version,
                run_id=app.registry.run_id(run_id) if run_id else None,
                challenger=challenger,
            ),
            lambda model: check.result()(model),  # noqa: PLW0108 - it is waited for when called
            by=user_name(),
            reason=reason or "by hand",
            held_until=_until(held_for),
            force=force,
        )
    if app.settings.mlflow_run_id is not None:
        app.registry.rename(app.settings.mlflow_run_id, f"promote version {info.number}")
    _say(app, info, as_json=as_json)


@tvrec.command()
@held_for
@click.option("--reason", default="by hand", help="Why, for the record.")
@json_option
@pass_app
def rollback(app: App, *, held_for: timedelta | None, reason: str, as_json: bool) -> None:
    """Go back to the version that was in production before, and hold it there.

    Again, and it goes further back: by the history, which `tvrec history` shows.

    \b
    tvrec rollback
    tvrec rollback --for 2h --reason "users complain about the lists"
    """
    from mlproject.pipelines.decide import roll_back

    app.registry.ping()
    info = roll_back(app.registry, by=user_name(), reason=reason, held_until=_until(held_for))
    _say(app, info, as_json=as_json)


@tvrec.command()
@click.option("--reason", default="by hand", help="Why, for the record.")
@json_option
@pass_app
def release(app: App, *, reason: str, as_json: bool) -> None:
    """Let the builder replace what is in production again.

    It ends what `tvrec promote` and `tvrec rollback` have begun. If nothing is held,
    nothing changes.

    \b
    tvrec release
    """
    from mlproject.pipelines.decide import release as end_hold

    app.registry.ping()
    released = end_hold(app.registry, by=user_name(), reason=reason)
    if as_json:
        print_json({"released": released})
        return
    click.echo("the builder may replace production again" if released else "nothing was held")


def _checker(app: App) -> "Findings":
    """Return what looks at a model's cards, and asks it as today's users would, if any."""
    from mlproject.catalogue.known_by import known_by
    from mlproject.pipelines.vetting import findings_today
    from mlproject.registry.cards import check_cards
    from mlproject.snapshot.state import RatingsState
    from mlproject.snapshot.switch import current

    # What cannot be read, `tvrec doctor` reports, and it does not prevent a promotion.
    try:
        _, state = current(app.store)
    except DataError:
        state = RatingsState.empty()
    try:
        shows = known_by(app.store)
    except DataError:
        shows = {}
    return lambda model: (
        *check_cards(model.cards, shows),
        *findings_today(model, state.ratings, app.settings.k),
    )


def _until(held_for: timedelta | None) -> datetime:
    return FOREVER if held_for is None else datetime.now(UTC) + held_for


def _say(app: App, info: VersionInfo, *, as_json: bool) -> None:
    from mlproject.pipelines.decide import current_standing

    held = current_standing(app.registry).hold(datetime.now(UTC))
    run = app.registry.find_run(info.run_id)
    served = run.tags.get(SERVED_TAG) if run else None
    if as_json:
        held_as = held.hold if held else None
        print_json(version_fields(info) | {"held": held_as, "served": served})
        return
    click.echo(f"version {info.number} is in production")
    if served == AS_MEASURED:
        click.echo("its model is the measured one, which has not learned what was held out")
    elif served:
        click.echo(f"its model was {served}")
    if held:
        click.echo(f"{held.hold}; `tvrec release` ends it")
