"""The command line: ``tvrec``. Each module adds its commands to the group."""

from mlproject.cli import data, dataset, forget, kafka, models, operate, spark, versions
from mlproject.cli.group import EXIT_CODES, tvrec

__all__ = [
    "EXIT_CODES",
    "data",
    "dataset",
    "forget",
    "kafka",
    "models",
    "operate",
    "spark",
    "tvrec",
    "versions",
]
