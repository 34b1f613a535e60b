"""Whose ratings a store holds: ``state/stream.json``, read without pandas."""

import json
from dataclasses import dataclass
from typing import Final, Literal

from mlproject.batches import keys
from mlproject.core.errors import ConfigError, DataError
from mlproject.core.ports import ObjectStore
from mlproject.events.parts import START_OVER, Part

Kind = Literal["simulated", "replayed"]

OTHER: Final = "ratings of two sources must not be mixed. "


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
    """Return the note about the source of a store's ratings, None if there is none.

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
        raise ConfigError(f"{uri} holds {held}; {OTHER}{START_OVER}")
    if note.seed != seed:
        raise ConfigError(
            f"the ratings in {uri} were begun with TVREC_SEED={note.seed}, and it is {seed} now, "
            f"which gives others; set it back. {START_OVER}"
        )
