"""Commands of a user: ``recommend``, ``rate`` and ``replay``."""

from __future__ import annotations

from typing import BinaryIO

import click

from mlproject.bootstrap import App
from mlproject.cli.group import pass_app, tvrec
from mlproject.cli.output import json_option, print_json, print_table
from mlproject.core.errors import ModelError, VersionNotFoundError
from mlproject.core.rating_scale import HIGHEST, LOWEST


@tvrec.command()
@click.option("--user", "user_id", type=click.IntRange(0), required=True, help="Id of the user.")
@click.option("-n", "--num-items", type=click.IntRange(1), default=10, show_default=True)
@click.option("--version", type=int, help="Ask this version instead of production.")
@json_option
@pass_app
def recommend(
    app: App, *, user_id: int, num_items: int, version: int | None, as_json: bool
) -> None:
    """Recommend shows to a user.

    It uses the version in production and the ratings of the snapshot, without the REST service.

    \b
    tvrec recommend --user 1
    tvrec recommend --user 1 --version 2 -n 5    compare with another version
    """
    registry = app.registry
    registry.ping()  # before the imports, which take seconds
    from mlproject.snapshot.switch import current

    info = registry.version(version) if version is not None else registry.production()
    if info is None:
        raise VersionNotFoundError("no version is in production yet; `tvrec train` makes one")
    model = app.model_cache("cli").load(info)
    _, state = current(app.store)
    answer = app.recommender(info.number, model).recommend(
        user_id, state.of_user(user_id), num_items
    )
    if as_json:
        print_json(answer)
        return
    rows = [
        (
            str(item["show_id"]),
            item["title"],
            ", ".join(item["genres"]),
            str(item.get("first_year", "")),
            f"{item['score']:.3f}",
        )
        for item in answer["items"]
    ]
    title = f"For user {user_id}: {answer['source']}, by version {info.number}"
    print_table(title, ("show", "title", "genres", "since", "score"), rows)


@tvrec.command()
@click.option(
    "--answer",
    type=click.File("rb"),
    required=True,
    help="File with the body of an answer of /recommend; - is standard input.",
)
@pass_app
def replay(app: App, *, answer: BinaryIO) -> None:
    """Reproduce an answer of the service, and compare it byte for byte.

    An answer names its version, its position in the ratings and its filters; from these it is
    computed again and printed. If it differs, the exit code is 6.

    \b
    curl -s .../recommend -d '{"user_id": 1}' ... > answer.json
    tvrec replay --answer answer.json
    """
    app.registry.ping()  # before the import, which takes seconds
    from mlproject.pipelines.replay import replay as make_again

    cache = app.model_cache("cli")
    made = make_again(answer.read(), app.store, app.registry, cache, app.recommender)
    click.echo(made.answer)
    if not made.equal:
        raise ModelError("the answer made now is not the answer that was given")
    click.echo(f"equal, byte for byte, from {made.ratings} ratings", err=True)


@tvrec.command()
@click.option("--user", "user_id", type=click.IntRange(0), required=True, help="Id of the user.")
@click.option("--show", "show_id", type=click.IntRange(0), required=True, help="Id of the show.")
@click.option(
    "--rating",
    type=click.IntRange(LOWEST, HIGHEST),
    help=f"From {LOWEST}, worst, to {HIGHEST}, best.",
)
@click.option(
    "--take-back", is_flag=True, help="Take the rating back, as if it had never been given."
)
@json_option
@pass_app
def rate(
    app: App, *, user_id: int, show_id: int, rating: int | None, take_back: bool, as_json: bool
) -> None:
    """Rate a show as a user, or take a rating back.

    It goes through the REST service, which answers when the rating is durable. The next build
    trains on it; a later rating of the same show replaces it. A rating that is taken back no
    longer counts anywhere, and the show may be recommended again.

    \b
    tvrec rate --user 1 --show 2 --rating 8
    tvrec rate --user 1 --show 2 --take-back
    """
    if take_back == (rating is not None):
        raise click.UsageError("say either --rating or --take-back")
    if rating is None:
        told = app.service.take_back(user_id=user_id, show_id=show_id)
        done = f"user {user_id} took the rating of show {show_id} back"
    else:
        told = app.service.rate(user_id=user_id, show_id=show_id, rating=rating)
        name = told["title"] or f"{show_id}, which the model does not know"
        done = f"user {user_id} rated show {name}: {rating}"
    if as_json:
        print_json(told)
        return
    click.echo(done)
    click.echo(f"event {told['event_id']}, partition {told['partition']}, offset {told['offset']}")
