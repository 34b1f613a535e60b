"""The command that asks what people prefer: ``compare-online``."""

from dataclasses import asdict

import click

from mlproject.bootstrap import App
from mlproject.cli.group import pass_app, tvrec
from mlproject.cli.output import json_option, print_json, print_table


@tvrec.command("compare-online")
@click.option(
    "--versions",
    "pair",
    type=(int, int),
    metavar="A B",
    help="Numbers of production and challenger; default: the pair with the most answers.",
)
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    default=30,
    show_default=True,
    help="How far back to look.",
)
@click.option(
    "--window",
    "window_days",
    type=click.FloatRange(0, 365, min_open=True),
    default=7.0,
    show_default=True,
    help="Days after an answer in which a rating is credited to it.",
)
@json_option
@pass_app
def compare_online(
    app: App, pair: tuple[int, int] | None, days: int, window_days: float, *, as_json: bool
) -> None:
    """Say which of two versions people prefer.

    It uses the interleaved answers of production and challenger (TVREC_INTERLEAVE), and which
    shows were rated 8 or more afterwards. docs/online.md explains the method.

    \b
    tvrec compare-online
    tvrec compare-online --versions 3 5 --days 14
    """
    from mlproject.pipelines.compare_online import compare_online as run_comparison

    told = run_comparison(app.store, app.clock.now(), pair=pair, days=days, window_days=window_days)
    found = told.found
    if as_json:
        print_json({**asdict(told), "verdict": found.verdict})
        return
    rows = [
        ("answers", f"{found.answers:,}"),
        ("of which something was liked", f"{found.telling:,}"),
        ("users of these", f"{found.users:,}"),
    ]
    if found.telling:
        interval = f"{found.low:.1%} to {found.high:.1%}"
        rows.append(("for the challenger", f"{found.share:.1%} (95 %: {interval})"))
    title = f"Version {told.production} in production, version {told.challenger} beside it"
    print_table(title, ("", ""), rows)
    click.echo(found.verdict)
