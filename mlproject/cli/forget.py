"""The command ``forget``."""

from dataclasses import asdict

import click

from mlproject.bootstrap import App
from mlproject.cli.group import pass_app, tvrec
from mlproject.cli.output import json_option, print_json, print_table, progress


@tvrec.command()
@click.option("--user", "user_id", type=int, required=True, help="Id of the user.")
@json_option
@pass_app
def forget(app: App, user_id: int, *, as_json: bool) -> None:
    """Remove everything that a user has rated.

    The ratings are removed from the batches, the quarantine, the snapshot, the service's copies
    and the log of what was shown. Everything may keep running, and old events do not bring them
    back. What the user rates from now on counts again. The receipt says what was removed, and
    what remains until when. Running it again is harmless, and finishes an interrupted run.

    \b
    tvrec forget --user 7
    tvrec forget --user 7 --json
    """
    from mlproject.pipelines.forget import forget as run_forget
    from mlproject.pipelines.forget import remainders
    from mlproject.pipelines.stream_note import read_note

    with progress("batches") as report:
        receipt = run_forget(app.store, app.history_copies, user_id, app.clock.now(), report)
    settings = app.settings
    left = remainders(
        receipt,
        read_note(app.store),
        settings.topic_retention_days if settings.kafka_bootstrap_servers else None,
        in_bucket=settings.bucket is not None,
    )
    if as_json:
        print_json({**asdict(receipt), "remains": [asdict(each) for each in left]})
        return
    rows = [
        ("batches", f"{receipt.in_batches:,}"),
        ("rows set aside", f"{receipt.in_quarantine:,}"),
        ("snapshot", f"{receipt.in_snapshot:,}"),
        ("the service's copy here", f"{receipt.in_copies:,}"),
        ("answers noted", f"{receipt.exposures:,}"),
    ]
    print_table(
        f"User {user_id} is forgotten up to {receipt.until:%Y-%m-%d %H:%M:%S} UTC",
        ("removed from", "removed"),
        rows,
    )
    print_table("What remains", ("what", "until"), [(each.what, each.until) for each in left])
