"""What is said of a server that does not answer."""

import pytest

from mlproject.core.errors import TrackingUnavailableError
from mlproject.registry.mlflow_registry import MlflowRegistry


@pytest.mark.parametrize(
    ("uri", "times"),
    [
        ("http://127.0.0.1:9", 1),
        ("http://localhost:9", 1),
        ("http://tvrec-mlflow.invalid:5000", 0),
    ],
)
def test_make_run_is_named_on_this_machine_only(uri: str, times: int) -> None:
    """In a cluster it is of no help."""
    with pytest.raises(TrackingUnavailableError) as raised:
        MlflowRegistry(uri=uri, experiment="x", model="x").ping()
    assert str(raised.value).count("make run") == times
    assert uri in str(raised.value)
