"""The command line: ``tvrec``. Each module adds its commands to the group."""

from mlproject.cli import (
    compare_online,
    data,
    dataset,
    forget,
    kafka,
    models,
    operate,
    spark,
    versions,
)
from mlproject.cli.group import EXIT_CODES, tvrec

__all__ = [
    "EXIT_CODES",
    "compare_online",
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
