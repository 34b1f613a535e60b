"""The command ``runs``."""

from __future__ import annotations

from typing import Final

import click

from mlproject.bootstrap import App
from mlproject.cli.group import pass_app, tvrec
from mlproject.cli.output import json_option, print_json, print_table, width
from mlproject.core.runs import RunInfo, VersionInfo

# A terminal with at least so many columns has room for the reasons.
_WIDE: Final = 120


@tvrec.command()
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@json_option
@pass_app
def runs(app: App, *, limit: int, as_json: bool) -> None:
    """List the newest runs.

    For each run its precision, that of popularity and of production on the same holdout, and
    the decision; in a wide terminal also the reason.

    \b
    tvrec runs
    tvrec promote --run 3f2a1b9c        an id from the list
    tvrec runs --limit 100 --json | jq '.[].metrics'
    """
    settings = app.settings
    app.registry.ping()
    found = app.registry.runs(limit)
    made = app.registry.versions_of([run.run_id for run in found])
    versions = {info.run_id: info for info in made}
    if as_json:
        print_json(
            [
                {
                    "run_id": run.run_id,
                    "name": run.name,
                    "status": run.status,
                    "started_at": run.started_at.isoformat(),
                    "version": versions[run.run_id].number if run.run_id in versions else None,
                    "aliases": versions[run.run_id].aliases if run.run_id in versions else [],
                    "reason": run.tags.get("reason"),
                    "metrics": dict(run.metrics),
                    "params": dict(run.params),
                }
                for run in found
            ]
        )
        return
    metric = f"precision_at_{settings.k}"
    headers = ["run", "when", "trainer", f"p@{settings.k}", "popular", "prod.", "became"]
    rows = [
        [
            run.run_id[:8],
            f"{run.started_at.astimezone():%m-%d %H:%M}",
            run.params.get("trainer", ""),
            _number(run.metrics.get(metric)),
            _number(run.metrics.get(f"popularity_{metric}")),
            _number(run.metrics.get(f"production_{metric}")),
            _became(run, versions.get(run.run_id)),
        ]
        for run in found
    ]
    if width() >= _WIDE:
        headers.append("why")
        rows = [[*row, run.tags.get("reason", "")] for row, run in zip(rows, found, strict=True)]
    print_table(f"Runs of {settings.experiment} at {settings.tracking_uri}", headers, rows)


def _became(run: RunInfo, version: VersionInfo | None) -> str:
    """Say in a few words what was decided about a run."""
    if version is not None:
        return f"version {version.number}" + "".join(f", {alias}" for alias in version.aliases)
    if run.status != "FINISHED":
        return run.status.lower()
    return run.tags.get("decision", "").partition(":")[0]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
