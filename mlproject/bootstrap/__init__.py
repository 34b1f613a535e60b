"""The composition root: the only place that chooses adapters by settings.

:class:`App` is one object for one process; its parts are spelled in a module each.
"""

from mlproject.bootstrap.app import App
from mlproject.bootstrap.training import SPARK_TRAINERS, TRAINERS, opened_store

__all__ = ["SPARK_TRAINERS", "TRAINERS", "App", "opened_store"]
