"""The card of a model: what it is, how good, for whom, and how to ask it, as Markdown."""

from collections.abc import Mapping
from typing import Final

from mlproject.training.evaluation import COLD

LONGEST: Final = 5000
"""Characters: MLflow's databases have room for no more in a version's description."""

_LIMITS: Final = (
    "The figures are of ratings held out, not of people who were shown the lists: they say how "
    "well it guesses what is rated well, and nothing of what that is worth. It ranks only the "
    "shows that it was trained with. It knows nothing of a person but the ratings that it is "
    "given, not their age, and does not tell what suits a child."
)


def model_card(
    note: str, *, run_id: str, kind: str, split: str, metrics: Mapping[str, float], k: int
) -> str:
    """Write the card of a run's model.

    Parameters
    ----------
    note
        The note of the run, see :func:`~mlproject.pipelines.describing.note`; it comes first.
    run_id
        The run's.
    kind
        Of the model, such as ``factors``.
    split
        The rule by which ratings were held out.
    metrics
        What was logged of the run.
    k
        Length of the lists measured.

    Examples
    --------
    >>> print(model_card("**kept**", run_id="2f", kind="factors", split="random 0.2 seed 1",
    ...     metrics={}, k=10).splitlines()[0])
    **kept**
    """
    data = f"A model of the kind `{kind}`. Ratings held out: {split}."
    load = "\n".join(
        [
            "```python",
            "import mlflow, pandas as pd",
            f'model = mlflow.pyfunc.load_model("runs:/{run_id}/model")',
            'people = pd.DataFrame({"history": [[SHOW_ID, …]], "ratings": [[9.0, …]]})',
            f'model.predict(people, params={{"num_items": {k}}})',
            "```",
        ]
    )
    parts = [note, data, _slices(metrics, k), f"**Limits.** {_LIMITS}", load]
    return "\n\n".join(part for part in parts if part)


def _slices(metrics: Mapping[str, float], k: int) -> str:
    """Return the figures of those for whom it is hardest, empty if there are none."""
    precision, recall = f"cold_user_precision_at_{k}", f"cold_show_recall_at_{k}"
    lines = []
    if precision in metrics:
        lines.append(
            f"| precision@{k} of who has rated at most {COLD} shows "
            f"| {metrics['cold_users']:,.0f} | {metrics[precision]:.4f} "
            f"| {_figure(metrics, f'popularity_{precision}')} |"
        )
    if recall in metrics:
        lines.append(
            f"| recall@{k} of shows that at most {COLD} have rated "
            f"| {metrics['cold_show_users']:,.0f} | {metrics[recall]:.4f} | |"
        )
    head = ["| slice | users | this model | what is popular now |", "|---|---|---|---|"]
    return "\n".join([*head, *lines]) if lines else ""


def _figure(metrics: Mapping[str, float], name: str) -> str:
    return f"{metrics[name]:.4f}" if name in metrics else ""
