"""Everything on one machine: ``make run``."""

from mlproject.launch.processes import up

__all__ = ["up"]
