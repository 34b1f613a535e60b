"""Objects among the batches that nobody reads: of other sinks, or named otherwise."""

from dataclasses import dataclass
from typing import Final

from mlproject.batches import keys
from mlproject.batches.keys import BatchKey
from mlproject.core.ports import ObjectStore

_EXAMPLES: Final = 3


@dataclass(frozen=True, slots=True)
class Survey:
    """What lies under the batches' prefix.

    Parameters
    ----------
    batches
        Objects with the name of a batch.
    foreign
        Other objects, whose ratings are not read.
    examples
        The first keys of these.
    """

    batches: int
    foreign: int
    examples: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Say what is not read, and how it would be; empty if there is nothing."""
        if not self.foreign:
            return ""
        return (
            f"{self.foreign} objects under {keys.BATCHES} are not read, as they are not named as "
            f"batches are ({', '.join(self.examples)}); have their sink name them like "
            f"{BatchKey(0, 0, 'jsonl.gz')}"
        )


def survey(store: ObjectStore) -> Survey:
    """List all batches, and what is among them: a request for each thousand objects."""
    batches = foreign = 0
    examples: list[str] = []
    for info in store.list(keys.BATCHES):
        if BatchKey.parse(info.key) is not None:
            batches += 1
        elif info.size or not info.key.endswith("/"):
            # Without what marks a folder in consoles.
            foreign += 1
            examples += [info.key] if foreign <= _EXAMPLES else []
    return Survey(batches, foreign, tuple(examples))
