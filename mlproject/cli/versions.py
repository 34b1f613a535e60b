"""Commands on versions: ``promote``, ``rollback``, ``release``, ``versions`` and their like."""

import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import click

from mlproject.bootstrap import App
from mlproject.cli.group import pass_app, tvrec
from mlproject.cli.output import json_option, print_json, print_table
from mlproject.core.decisions import FOREVER, Decision
from mlproject.core.errors import DataError
from mlproject.core.runs import VersionInfo
from mlproject.provenance import user_name

if TYPE_CHECKING:
    # It loads NumPy, which must not be there before a command runs.
    from mlproject.core.model import TrainedModel

_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
_LISTED: Final = 5


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
    "--for", "held_for", type=Duration(), help="Hold it for so long: 90m, 2h, 3d."
)


@tvrec.command()
@click.option("--version", type=VersionNumber(), help="Number of the version, or `newest`.")
@click.option("--run", "run_id", help="Run whose model becomes a version first; its id's start.")
@click.option("--challenger", is_flag=True, help="The version that is the challenger.")
@held_for
@click.option("--force", is_flag=True, help="Even if something is wrong with it; needs --reason.")
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

    It is loaded and checked first. The service follows within seconds. The builder goes on
    training, and replaces it only after `tvrec release`, or after the time of --for.

    \b
    tvrec promote                    the newest version
    tvrec promote --version 2        that one
    tvrec promote --run 3f2a...      the model of a run that was not promoted
    tvrec promote --challenger       what was better and may not by itself
    tvrec promote --version 2 --for 2h --reason "for the demonstration"
    """
    from mlproject.pipelines.promote import chosen
    from mlproject.pipelines.promote import promote as put_into_production

    if sum((version is not None, run_id is not None, challenger)) > 1:
        raise click.UsageError("--version, --run and --challenger exclude each other")
    if force and not reason:
        raise click.UsageError("--force needs --reason WHY")
    app.registry.ping()
    info = put_into_production(
        app.registry,
        chosen(
            app.registry,
            version=version,
            run_id=app.registry.run_id(run_id) if run_id else None,
            challenger=challenger,
        ),
        lambda model: _findings(app, model),
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


@tvrec.command()
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@json_option
@pass_app
def versions(app: App, *, limit: int, as_json: bool) -> None:
    """List the newest versions: what has which alias, how good it was, who promoted it.

    \b
    tvrec versions
    tvrec versions --limit 100 --json
    """
    from mlproject.pipelines.decide import current_standing

    registry, metric = app.registry, f"precision_at_{app.settings.k}"
    registry.ping()
    rows = []
    for info in registry.versions(limit):
        run = registry.find_run(info.run_id)
        rows.append((info, run.metrics.get(metric) if run else None))
    held = current_standing(registry).hold(datetime.now(UTC))
    if as_json:
        print_json(
            {
                "versions": [_version(info) | {metric: value} for info, value in rows],
                "held": held.hold if held else None,
            }
        )
        return
    state = held.hold if held else "not held"
    print_table(
        f"Versions of {app.settings.registered_model}; production is {state}",
        ("version", "aliases", f"precision@{app.settings.k}", "promoted", "by", "reason"),
        [
            (
                str(info.number),
                ", ".join(info.aliases),
                "" if value is None else f"{value:.4f}",
                info.tags.get("promoted_at", "")[:16].replace("T", " "),
                info.tags.get("promoted_by", ""),
                info.tags.get("reason", ""),
            )
            for info, value in rows
        ],
    )


@tvrec.command()
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@json_option
@pass_app
def history(app: App, *, limit: int, as_json: bool) -> None:
    """List what was decided about production: who, when, why, and from what.

    The newest last. It is kept when versions are promoted again or deleted.

    \b
    tvrec history
    tvrec history --limit 1000 --json
    """
    app.registry.ping()
    decisions = app.registry.decisions(limit)
    if as_json:
        print_json([_decision(one) for one in decisions])
        return
    print_table(
        "Decisions about production",
        ("when (UTC)", "what", "version", "from", "by", "held until", "why"),
        [
            (
                f"{one.at:%Y-%m-%d %H:%M:%S}",
                one.action + ("" if one.outcome == "done" else f" ({one.outcome})"),
                str(one.version or ""),
                str(one.before or ""),
                one.by,
                _held(one),
                one.reason,
            )
            for one in decisions
        ],
    )


@tvrec.command()
@click.argument("first", type=click.IntRange(1))
@click.argument("second", type=click.IntRange(1))
@json_option
@pass_app
def compare(app: App, *, first: int, second: int, as_json: bool) -> None:
    """Compare two versions on what is held out today.

    Metrics, a paired test over the users, who gains and who loses, and some users whose
    lists are others.

    \b
    tvrec compare 3 5
    tvrec compare 3 5 --json
    """
    from mlproject.pipelines.compare import compare as measure
    from mlproject.pipelines.dataset import read_interactions

    app.registry.ping()
    catalogue, data = read_interactions(app.store)
    cache = app.model_cache("cli")
    found = measure(data, catalogue, app.registry, cache, (first, second), app.train_params)
    if as_json:
        test = found.difference
        told = asdict(found) | {
            "difference": {
                "mean": test.mean,
                "lower": test.lower,
                "upper": test.upper,
                "p_value": test.p_value,
                "users": test.users,
            }
        }
        print_json(told)
        return
    names = (f"version {first}", f"version {second}", "difference")
    print_table(
        f"Versions {first} and {second} on what neither has trained on",
        ("metric", *names),
        [(name, *_pair(*values)) for name, values in found.metrics.items()],
    )
    test = found.difference
    click.echo(f"precision@{found.k}, {second} minus {first}: {test}; p is {test.p_value:.2g}")
    click.echo(
        f"{found.gain:,} users gain, {found.lose:,} lose; {found.changed:,} of {test.users:,} "
        "lists are others"
    )
    print_table(
        "By how much users have rated",
        ("ratings", "users", *names),
        [(one.name, f"{one.users:,}", *_pair(one.first, one.second)) for one in found.groups],
    )
    print_table(
        "Who gains and who loses most",
        ("user", *names[:2], f"only in {first}", f"only in {second}"),
        [
            (
                str(one.user_id),
                f"{one.first:.2f}",
                f"{one.second:.2f}",
                ", ".join(one.only_first[:_LISTED]),
                ", ".join(one.only_second[:_LISTED]),
            )
            for one in found.examples
        ],
    )


@tvrec.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@json_option
@pass_app
def retain(app: App, *, dry_run: bool, as_json: bool) -> None:
    """Throw away what is no longer kept; the builder does it every hour.

    Models of runs that have no version go after TVREC_KEEP_MODELS_HOURS, runs after
    TVREC_KEEP_RUNS_DAYS, versions after TVREC_KEEP_VERSIONS_DAYS: never one that has an alias
    or is named by the last TVREC_KEEP_HISTORY decisions, nor its run and its model. One pass
    takes at most 2,000 of each kind.

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
    click.echo(f"{'would go' if dry_run else 'thrown away'}: {waste.sentence}")
    if not dry_run and not freed:
        click.echo(
            "the rows of MLflow's database are freed by `mlflow gc --older-than 7d` beside it, or "
            "here with MLFLOW_BACKEND_STORE_URI"
        )


def _findings(app: App, model: "TrainedModel") -> tuple[str, ...]:
    """Ask a model as today's users would; nothing but the model where there are none yet."""
    from mlproject.pipelines.dataset import read_interactions
    from mlproject.pipelines.vetting import findings_today

    try:
        _, data = read_interactions(app.store)
    except DataError:
        return ()
    return findings_today(model, data, app.settings.k)


def _until(held_for: timedelta | None) -> datetime:
    return FOREVER if held_for is None else datetime.now(UTC) + held_for


def _say(app: App, info: VersionInfo, *, as_json: bool) -> None:
    from mlproject.pipelines.decide import current_standing

    held = current_standing(app.registry).hold(datetime.now(UTC))
    if as_json:
        print_json(_version(info) | {"held": held.hold if held else None})
        return
    click.echo(f"version {info.number} is in production")
    if held:
        click.echo(f"{held.hold}; `tvrec release` ends it")


def _version(info: VersionInfo) -> dict[str, Any]:
    return {
        "version": info.number,
        "run_id": info.run_id,
        "aliases": info.aliases,
        "promoted_at": info.tags.get("promoted_at"),
        "promoted_by": info.tags.get("promoted_by"),
        "promoted_from": info.tags.get("promoted_from"),
        "reason": info.tags.get("reason"),
    }


def _decision(one: Decision) -> dict[str, Any]:
    return asdict(one) | {
        "at": one.at.isoformat(),
        "held_until": _held(one) or None,
        "version": one.version or None,
        "before": one.before or None,
        "reference": one.reference or None,
    }


def _held(one: Decision) -> str:
    if one.held_until is None:
        return ""
    return "released" if one.held_until == FOREVER else f"{one.held_until:%Y-%m-%d %H:%M:%S}"


def _pair(first: float, second: float) -> tuple[str, str, str]:
    return f"{first:.4f}", f"{second:.4f}", f"{second - first:+.4f}"
