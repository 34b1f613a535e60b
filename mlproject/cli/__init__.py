"""The command line: ``tvrec``. Each module adds its commands to the group."""

from mlproject.cli import (
    ask,
    compare_online,
    data,
    dataset,
    decide,
    forget,
    kafka,
    operate,
    retain,
    runs,
    spark,
    train,
    versions,
)
from mlproject.cli.group import EXIT_CODES, tvrec

__all__ = [
    "EXIT_CODES",
    "ask",
    "compare_online",
    "data",
    "dataset",
    "decide",
    "forget",
    "kafka",
    "operate",
    "retain",
    "runs",
    "spark",
    "train",
    "tvrec",
    "versions",
]
