"""Who was forgotten, and when: what keeps old events from bringing a person back."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mlproject.core.hashing import mix64
from mlproject.core.numbers import INT64_MAX

_ID_BYTES: Final = 8
_NUMBER: Final = re.compile(r"[0-9]{1,19}")
_PRINT_SHIFT: Final = np.uint64(48)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Each forgotten user's mark, and up to which moment their ratings do not count.

    An event counts if it happened after that moment: who rates again is a new person from
    then on. A mark is a salted hash, so that the list does not name whom it is about.

    Parameters
    ----------
    salt
        32 hexadecimal digits, drawn once for a list.
    until
        By mark, milliseconds since 1970, UTC; that moment is included.
    prints
        A hash of 16 bits for each mark, which arrays are searched for; only the ids that
        match are compared with marks.

    Examples
    --------
    >>> forgotten = Forgotten().adding(7, 1000)
    >>> [forgotten.covers(*event) for event in ((7, 1000), (7, 1001), (8, 1000))]
    [True, False, False]
    """

    salt: str = field(default_factory=lambda: secrets.token_hex(16))
    until: Mapping[str, int] = field(default_factory=dict)
    prints: frozenset[int] = frozenset()

    def __len__(self) -> int:
        return len(self.until)

    def adding(self, user_id: int, moment: int) -> "Forgotten":
        """Return the list with a user on it; a later moment replaces an earlier one."""
        mark = self._mark(user_id)
        until = {**self.until, mark: max(moment, self.until.get(mark, moment))}
        new = int(self._prints_of(np.array([user_id]))[0])
        return replace(self, until=until, prints=self.prints | {new})

    def moment(self, user_id: int) -> int | None:
        """Return up to when a user is forgotten, None for all others."""
        if not self.until or not 0 <= user_id <= INT64_MAX:
            return None
        return self.until.get(self._mark(user_id))

    def covers(self, user_id: int, rated_at: int) -> bool:
        """Tell whether an event is one that must not count."""
        moment = self.moment(user_id)
        return moment is not None and rated_at <= moment

    def rows(self, user_id: NDArray[np.int64], rated_at: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which events must not count.

        Parameters
        ----------
        user_id, rated_at
            int64, shape ``(n,)``; the times in milliseconds since 1970, UTC.

        Returns
        -------
        numpy.ndarray
            bool, shape ``(n,)``. Cost: a hash of 64 bits for each row; nothing while nobody
            is forgotten.
        """
        found = np.zeros(len(user_id), dtype=np.bool_)
        places = self._candidates(user_id)
        if len(places):
            users, which = np.unique(user_id[places], return_inverse=True)
            moments = [self.moment(user) for user in users.tolist()]
            never = np.iinfo(np.int64).min
            until = np.array([never if moment is None else moment for moment in moments])
            found[places] = rated_at[places] <= until[which]
        return found

    def among(self, user_ids: NDArray[np.int64]) -> dict[int, int]:
        """Return those of distinct users that are forgotten, with their moments."""
        users = user_ids[self._candidates(user_ids)].tolist()
        return {user: moment for user in users if (moment := self.moment(user)) is not None}

    def is_named_in(self, text: str) -> bool:
        """Tell whether one of the numbers in a text is a forgotten user's id."""
        return any(self.moment(int(number)) is not None for number in _NUMBER.findall(text))

    def _candidates(self, user_ids: NDArray[np.int64]) -> NDArray[Any]:
        """Return the places of all forgotten users, and of one in 65,536 of the others."""
        if not self.until:
            return np.empty(0, dtype=np.int64)
        return np.flatnonzero(np.isin(self._prints_of(user_ids), [*self.prints]))

    def _prints_of(self, user_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        seed = int(self.salt[:8], 16)
        return (mix64(user_ids, seed) >> _PRINT_SHIFT).astype(np.int64)

    def _mark(self, user_id: int) -> str:
        key = bytes.fromhex(self.salt)
        return blake2b(user_id.to_bytes(_ID_BYTES), digest_size=16, key=key).hexdigest()


NOBODY: Final = Forgotten()
