"""Commands that show versions: ``versions``, ``history``, ``compare``."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

import click

from mlproject.bootstrap import App
from mlproject.cli.group import pass_app, tvrec
from mlproject.cli.output import json_option, print_json, print_table
from mlproject.core.decisions import FOREVER, Decision
from mlproject.core.runs import VersionInfo

_LISTED: Final = 5


@tvrec.command()
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@json_option
@pass_app
def versions(app: App, *, limit: int, as_json: bool) -> None:
    """List the newest versions: aliases, precision, who promoted them.

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
                "versions": [version_fields(info) | {metric: value} for info, value in rows],
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
    """List the decisions about production: who, when, why.

    The newest comes last. The history remains when versions are promoted again or deleted.

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
    """Compare two versions on the current holdout.

    It prints metrics, a paired test over the users, which users gain or lose, and some users
    whose lists differ.

    \b
    tvrec compare 3 5
    tvrec compare 3 5 --json
    """
    app.registry.ping()  # before the imports, which take seconds
    from mlproject.pipelines.compare import compare as measure
    from mlproject.pipelines.dataset import read_interactions

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
        [
            (name, *_pair(*values, ",.0f" if name.endswith("_users") else ".4f"))
            for name, values in found.metrics.items()
        ],
    )
    test = found.difference
    click.echo(f"precision@{found.k}, {second} minus {first}: {test}; p is {test.p_value:.2g}")
    click.echo(
        f"{found.gain:,} users gain, {found.lose:,} lose; {found.changed:,} of {test.users:,} "
        "lists differ"
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


def version_fields(info: VersionInfo) -> dict[str, Any]:
    """Return what ``--json`` says of a version."""
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


def _pair(first: float, second: float, form: str = ".4f") -> tuple[str, str, str]:
    return f"{first:{form}}", f"{second:{form}}", f"{second - first:+{form}}"
