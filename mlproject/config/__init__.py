"""The settings, and the only reader of the environment.

Every setting is an environment variable; :func:`load` turns the environment into a
frozen :class:`Settings` or raises :class:`~mlproject.core.errors.ConfigError` with a
sentence for each mistake, a misspelt ``TVREC_`` variable among them.
"""

from mlproject.config.access import MlflowAccess, mlflow_access
from mlproject.config.environment import (
    LOOPBACK,
    child_environment,
    path_with,
    set_defaults,
    spare_loopback_the_proxy,
    through_proxy,
)
from mlproject.config.loading import known_names, load, variable
from mlproject.config.settings import Settings

__all__ = [
    "LOOPBACK",
    "MlflowAccess",
    "Settings",
    "child_environment",
    "known_names",
    "load",
    "mlflow_access",
    "path_with",
    "set_defaults",
    "spare_loopback_the_proxy",
    "through_proxy",
    "variable",
]
