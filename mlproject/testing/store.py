"""A store in memory."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from mlproject.core.errors import StoreUnavailableError
from mlproject.core.ports import ObjectInfo


@dataclass
class MemoryStore:
    """Objects in a dictionary; set ``broken`` and every call fails.

    Set ``conditional`` to False for a server that takes conditions and ignores them.
    """

    objects: dict[str, bytes] = field(default_factory=dict)
    broken: bool = False
    conditional: bool = True
    _written_at: dict[str, float] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def uri(self) -> str:
        """Where the store is."""
        return "memory://"

    def get(self, key: str) -> bytes | None:
        """Return an object's content, None if there is none."""
        self._check()
        return self.objects.get(key)

    def put(self, key: str, content: bytes) -> None:
        """Write an object."""
        self._check()
        self.objects[key] = content
        self._written_at[key] = time.time()

    def list(self, prefix: str, start_after: str = "") -> Iterator[ObjectInfo]:
        """Yield the objects under a prefix with keys after ``start_after``, ascending."""
        self._check()
        for key, content in sorted(self.objects.items()):
            if key.startswith(prefix) and key > start_after:
                yield ObjectInfo(
                    key, len(content), str(hash(content)), self._written_at.get(key, 0)
                )

    def delete(self, key: str) -> None:
        """Remove an object; no object is no error."""
        self._check()
        self.objects.pop(key, None)

    def etag(self, key: str) -> str | None:
        """Return the tag of an object's content, None if there is no object."""
        self._check()
        content = self.objects.get(key)
        return None if content is None else str(hash(content))

    def put_if(self, key: str, content: bytes, expected: str | None) -> bool:
        """Write an object if it still has the tag ``expected``."""
        with self._lock:
            if self.conditional and self.etag(key) != expected:
                return False
            self.put(key, content)
            return True

    def remove_unfinished(self, older_seconds: float) -> None:
        """Do nothing: a write is never half done."""

    def keeps_conditions(self, probe_prefix: str) -> bool:  # noqa: ARG002 - nothing to probe
        """Return what :attr:`conditional` says."""
        return self.conditional

    def _check(self) -> None:
        if self.broken:
            raise StoreUnavailableError("the store is set to fail")
