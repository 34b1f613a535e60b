"""A model with a number that is none is refused by the name of the array."""

import numpy as np
import pytest

from mlproject.core.errors import TrainingError
from mlproject.training.trainer import require_finite


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_array_is_named(bad: float) -> None:
    arrays = {"good": np.ones(3), "biases": np.array([1, bad, 3], dtype=np.float32)}
    with pytest.raises(TrainingError, match="1 of 3 numbers in biases are not finite"):
        require_finite(arrays)
