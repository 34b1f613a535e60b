"""Commands on the snapshot of the ratings: ``dataset status``, ``dataset rebuild``."""

from dataclasses import asdict

import click

from mlproject.bootstrap import App
from mlproject.cli.group import pass_app, tvrec
from mlproject.cli.output import json_option, print_json, print_table


@tvrec.group()
def dataset() -> None:
    """Inspect the snapshot of the ratings, or rebuild it."""


@dataset.command()
@json_option
@pass_app
def status(app: App, *, as_json: bool) -> None:
    """Show what the snapshot holds.

    It counts ratings, users and shows, and says how far each partition has been read and what
    is in quarantine.

    \b
    tvrec dataset status
    tvrec dataset status --json
    """
    from mlproject.batches.foreign import survey
    from mlproject.pipelines.stream_note import read_note
    from mlproject.snapshot.status import status as look

    found, objects, note = look(app.store), survey(app.store), read_note(app.store)
    left_out = note.rejected if note else 0
    if as_json:
        extra = {"foreign_objects": asdict(objects), "file_rows_rejected": left_out}
        print_json({**asdict(found), "lag": found.lag, **extra})
        return
    counts = (
        ("generation", found.generation),
        ("ratings", found.rows),
        ("users", found.users),
        ("shows", found.shows),
        ("segments", found.segments),
        ("bytes", found.size),
        ("events read", found.totals.events),
        ("rows rejected", found.totals.rejected),
        ("rows of the file left out", left_out),
        ("objects not understood", objects.foreign),
        ("batches unreadable", found.quarantine.unreadable),
        ("batches waiting", found.lag),
        ("digest", found.digest),
    )
    rows = [(name, f"{value:,}" if isinstance(value, int) else value) for name, value in counts]
    print_table(f"Snapshot in {app.store.uri}", ("", ""), rows)
    partitions = [
        (str(part.partition), f"{part.next_offset:,}", part.last_key, str(part.lag))
        for part in found.partitions
    ]
    headers = ("partition", "next offset", "watermark", "batches waiting")
    print_table("Partitions", headers, partitions)
    if objects.foreign:
        click.echo(objects.sentence)


@dataset.command()
@click.option(
    "--force", is_flag=True, help="Replace it even if it is equal, or if ratings are lost."
)
@pass_app
def rebuild(app: App, *, force: bool) -> None:
    """Rebuild the snapshot from all batches, and compare.

    A snapshot that differs from its batches is replaced.

    \b
    tvrec dataset rebuild
    """
    from mlproject.snapshot.rebuild import rebuild as run_rebuild

    _, report = run_rebuild(app.store, force=force)
    before = "no readable snapshot" if report.rows_before is None else f"{report.rows_before:,}"
    click.echo(f"{report.rows:,} ratings in {report.read.batches:,} batches, before: {before}")
    click.echo("equal" if report.equal else "not equal")
    if report.replaced:
        click.echo(f"replaced by generation {report.generation}")
