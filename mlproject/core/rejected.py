"""What to do with rows that cannot be used."""

import pandas as pd


def ignore(_: pd.DataFrame) -> None:
    """Do nothing with them; who reads the rows has counted and logged them."""
