"""What ``make run`` looks at before it starts anything: its ports, and whose data is there."""

import json
import socket
from pathlib import Path
from typing import Final

from mlproject import config
from mlproject.bootstrap import App
from mlproject.config import Settings
from mlproject.core.errors import (
    AlreadyRunningError,
    CatalogueError,
    ConfigError,
    StoreUnavailableError,
)
from mlproject.pipelines.stream_note import Kind, check_stream, read_note

COVERED: Final = 0.95
"""Share of a file's ratings whose show a catalogue must know if none was named for it."""


def check_port(host: str, port: int, what: str, field: str) -> None:
    """Raise AlreadyRunningError, with the setting to change, if a port is taken."""
    with socket.socket() as probe:
        # As servers do, so that a port in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            variable = config.variable(field)
            raise AlreadyRunningError(
                f"port {port} on {host}, for {what}, is not available: {error.strerror}. "
                f"Choose another: make run {variable}={port + 1}"
            ) from error


def check_data(settings: Settings, state: Path) -> None:
    """Keep the ratings of one source from being mixed with those of another.

    Raises
    ------
    ConfigError
        If the state folder was filled from other files than the settings name.
    """
    wanted = {
        "ratings": str(settings.ratings_file.resolve()) if settings.ratings_file else "simulated",
        "catalogue": str(settings.catalogue_file.resolve())
        if settings.catalogue_file
        else settings.catalogue_source,
    }
    for path in (settings.ratings_file, settings.catalogue_file):
        if path and not path.is_file():
            raise ConfigError(f"there is no file {path}")
    note = state / "data.json"
    try:
        if not note.exists():
            check_shows(settings)
            note.write_text(json.dumps(wanted))
            return
        found = json.loads(note.read_text())
        held = found["ratings"], found["catalogue"]
    except OSError as error:
        raise StoreUnavailableError(f"cannot use {note}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigError(
            f"{note}, which says whose ratings {state} holds, is damaged; repair or remove it"
        ) from error
    if found != wanted:
        raise ConfigError(
            f"{state} holds ratings ({held[0]}) of a catalogue ({held[1]}); you asked for "
            f"{wanted['ratings']} and {wanted['catalogue']}. Keep both apart with "
            "`make run STATE=another-folder ...`, or start over after `make clean-state`"
        )
    with App(settings) as app:
        store = app.store
        begun = read_note(store)
    kind: Kind = "replayed" if settings.ratings_file else "simulated"
    check_stream(begun, kind, settings.seed, store.uri)


def check_shows(settings: Settings) -> None:
    """Keep the ids of a ratings file from being taken for those of shows that come with this.

    Raises
    ------
    ConfigError
        If a ratings file is named without its catalogue, unless its ids are called as ours
        and the catalogue that would be exported knows nearly all of them.
    RatingsFileError
        If the ratings file cannot be used.
    """
    if settings.ratings_file is None or settings.catalogue_file is not None:
        return
    # This process sleeps beside seven others for as long as they run, so it does without pandas
    # unless it has a file to look at.
    from mlproject.catalogue.stored import read_catalogue  # noqa: PLC0415
    from mlproject.core import columns as c  # noqa: PLC0415
    from mlproject.reading.ratings import read_ratings  # noqa: PLC0415
    from mlproject.reading.ratings_layouts import OWN  # noqa: PLC0415

    source = settings.catalogue_source
    with App(settings) as app:
        try:
            shows = (
                app.catalogue_source.read() if source == "bundled" else read_catalogue(app.store)
            )
        except CatalogueError as error:
            raise ConfigError(
                f"{settings.ratings_file} is named without CATALOGUE: {error}"
            ) from error
        file = read_ratings(settings.ratings_file, app.told)
    known = file.rows[c.SHOW_ID].isin(shows.frame[c.SHOW_ID]).mean()
    if file.layout == OWN and known >= COVERED:
        return
    raise ConfigError(
        f"{settings.ratings_file} ({file.layout}) is named without its catalogue, and the {source} "
        f"one is not of its shows: {known:.0%} of its ratings are of ids that happen to be in it. "
        "Name both: `make run STATE=another-folder RATINGS=... CATALOGUE=...`"
    )
