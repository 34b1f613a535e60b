"""The page on which people compare runs, with the right columns from the start.

MLflow's runs page shows no metric until one is chosen, and its start page is about
generative AI. A shared view, kept in a tag of the experiment, shows what matters here.
"""

import json
from collections.abc import Mapping
from typing import Final

_VIEW: Final = "tvrec"


def experiment_tags(k: int) -> Mapping[str, str]:
    """Return the tags of an experiment whose page compares precision@k.

    Parameters
    ----------
    k
        The k of the metrics to be shown.
    """
    # As many as are seen on a page of 1,400 pixels, of which MLflow's assistant takes a third.
    metrics = (
        f"precision_at_{k}",
        f"popularity_precision_at_{k}",
        f"production_precision_at_{k}",
    )
    view = {
        "selectedColumns": [*(f"metrics.`{name}`" for name in metrics), "tags.`decision`"],
        "orderByKey": "attributes.start_time",
        "orderByAsc": False,
    }
    return {
        "mlflow.experimentKind": "custom_model_development",
        f"mlflow.sharedViewState.{_VIEW}": json.dumps(view),
    }


def runs_page(uri: str, experiment_id: str) -> str:
    """Return the address of an experiment's runs."""
    return (
        f"{uri}/#/experiments/{experiment_id}/runs"
        f"?viewStateShareKey={_VIEW}&workflowType=machine_learning"
    )
