"""A stream of ratings continues only with the source it was begun with.

::

    state/stream.json     whose ratings the store holds, and what of a file was begun

Without that note a replay begins in the middle of a file that has nothing to do with what
the store holds, since all that a sink knows is how many events it has.
"""

import json
from dataclasses import asdict

import numpy as np

from mlproject.batches import keys
from mlproject.catalogue.keys import CATALOGUE
from mlproject.catalogue.stored import read_catalogue
from mlproject.core import columns as c
from mlproject.core.errors import ConfigError, UnavailableError
from mlproject.core.ports import ObjectStore
from mlproject.events.parts import START_OVER
from mlproject.events.replay import ReplaySource
from mlproject.events.simulator import Simulator
from mlproject.pipelines.stream_note import OTHER, Kind, StreamNote, check_stream, read_note

Source = ReplaySource | Simulator


def take_up(source: Source, store: ObjectStore, position: int, seed: int) -> Source:
    """Return the source at its position, and record in the store what is going to be sent.

    The note is written before the first event, so that whatever is sent is known.

    Parameters
    ----------
    source
        From its beginning.
    store
        Where its ratings go.
    position
        How many events are durable.
    seed
        Of the source.

    Raises
    ------
    ConfigError
        If the store holds the ratings of another source, or of another seed.
    RatingsFileError
        If the file has changed in what was begun.
    """
    note = read_note(store)
    kind: Kind = "replayed" if isinstance(source, ReplaySource) else "simulated"
    if position:
        check_stream(note, kind, seed, store.uri)
        if note is None and kind == "replayed":
            raise ConfigError(
                f"{store.uri} holds {position:,} ratings, and no note of whose they are; "
                f"{OTHER}{START_OVER}"
            )
    if isinstance(source, ReplaySource):
        if position and note is not None:
            source = source.resumed(note.parts, position)
        wanted = StreamNote(
            kind, seed, source.file.path.name, source.parts, len(source.file.rejected)
        )
    else:
        wanted = StreamNote(kind, seed)
    if wanted != note:
        store.put(keys.STREAM, json.dumps(asdict(wanted), indent=1).encode())
    return source


def known_share(source: ReplaySource, store: ObjectStore) -> float | None:
    """Return the share of a file's ratings whose show the stored catalogue knows.

    None if no catalogue has been exported yet.
    """
    if store.etag(CATALOGUE) is None:
        return None
    shows = read_catalogue(store).frame[c.SHOW_ID].to_numpy()
    return float(np.isin(source.file.rows[c.SHOW_ID].to_numpy(), shows).mean())


def check_catalogue_is_there(store: ObjectStore) -> None:
    """Raise UnavailableError until a catalogue has been exported."""
    if store.etag(CATALOGUE) is None:
        raise UnavailableError(
            f"no catalogue in {store.uri} yet; `tvrec export-shows` puts one there"
        )
