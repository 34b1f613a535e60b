"""Fakes of the ports, for our tests and for those of whoever builds on this."""

from mlproject.testing.ratings import MemoryHistories, MemoryRatingLog
from mlproject.testing.registry import MemoryRegistry
from mlproject.testing.store import MemoryStore

__all__ = ["MemoryHistories", "MemoryRatingLog", "MemoryRegistry", "MemoryStore"]
