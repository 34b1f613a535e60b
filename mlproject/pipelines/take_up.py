"""A stream of ratings goes on with the source it was begun with, or not at all.

::

    state/stream.json     whose ratings the store holds, and what of a file was begun

Without that note a replay begins in the middle of a file that has nothing to do with what
the store holds, since all that a sink knows is how many events it has.
"""

import json
from dataclasses import asdict, dataclass
from typing import Final, Literal

import numpy as np

from mlproject.batches import keys
from mlproject.catalogue.stored import CATALOGUE, read_catalogue
from mlproject.core import columns as c
from mlproject.core.errors import ConfigError, DataError, UnavailableError
from mlproject.core.ports import ObjectStore
from mlproject.events.replay import START_OVER, Part, ReplaySource
from mlproject.events.simulator import Simulator

Kind = Literal["simulated", "replayed"]

Source = ReplaySource | Simulator

_OTHER: Final = "ratings of two sources must not be mixed. "


@dataclass(frozen=True, slots=True)
class StreamNote:
    """Whose ratings a store holds.

    Parameters
    ----------
    source
        What sends them.
    seed
        Of the simulation, or of the order of a file.
    file
        The name of the file that is replayed.
    parts
        What of the file was begun; see :class:`~mlproject.events.replay.ReplaySource`.
    rejected
        Rows of the file that are no ratings.
    """

    source: Kind
    seed: int
    file: str = ""
    parts: tuple[Part, ...] = ()
    rejected: int = 0

    @property
    def rows(self) -> int:
        """Rows of the file, ratings or not."""
        return (self.parts[-1].end if self.parts else 0) + self.rejected


def read_note(store: ObjectStore) -> StreamNote | None:
    """Return whose ratings a store holds, None if there is no note.

    Raises
    ------
    DataError
        If the note is damaged.
    """
    content = store.get(keys.STREAM)
    if content is None:
        return None
    try:
        found = json.loads(content)
        parts = tuple(Part(int(part["end"]), str(part["digest"])) for part in found.pop("parts"))
        return StreamNote(**found, parts=parts)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(
            f"{keys.STREAM} in {store.uri}, which says whose ratings these are, is damaged; "
            "mend it, or start over after `make clean-state`"
        ) from error


def check_stream(note: StreamNote | None, kind: Kind, seed: int, uri: str) -> None:
    """Refuse to send the ratings of another source than the store holds.

    Raises
    ------
    ConfigError
        If the store was filled by another source, or with another seed.
    """
    if note is None:
        return
    if note.source != kind:
        held = f"the ratings of {note.file}" if note.file else "simulated ratings"
        raise ConfigError(f"{uri} holds {held}; {_OTHER}{START_OVER}")
    if note.seed != seed:
        raise ConfigError(
            f"the ratings in {uri} were begun with TVREC_SEED={note.seed}, and it is {seed} now, "
            f"which gives others; set it back. {START_OVER}"
        )


def take_up(source: Source, store: ObjectStore, position: int, seed: int) -> Source:
    """Return the source as it goes on, and note in the store what is to be sent.

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
                f"{_OTHER}{START_OVER}"
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
