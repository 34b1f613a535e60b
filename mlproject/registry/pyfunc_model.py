"""The model as MLflow sees it: ``mlflow.pyfunc.load_model(...).predict(frame)``.

MLflow copies this file into the artifact and runs it from there (models from code). It
therefore stands alone, with nothing of this project: a version stays loadable by whoever
has MLflow and numpy, and by ``mlflow models serve``. A test holds its answers equal to
those of the REST service.
"""

import json
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext


class TvShowRecommender(PythonModel):
    """Ranks shows that a user has not rated; popular ones for a user it does not know."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the arrays."""
        folder = Path(context.artifacts["model"])
        names = json.loads((folder / "manifest.json").read_text())["files"]
        self.arrays = {
            name.removesuffix(".npy"): np.load(folder / name, allow_pickle=False)
            for name in names
            if name.endswith(".npy")
        }
        self.titles = [show["title"] for show in json.loads((folder / "shows.json").read_text())]

    def predict(
        self,
        context: PythonModelContext,  # noqa: ARG002
        model_input: pd.DataFrame,
        params: dict[str, int] | None = None,
    ) -> pd.DataFrame:
        """Recommend shows for each ``user_id``.

        Parameters
        ----------
        context
            Not used.
        model_input
            A column ``user_id``.
        params
            ``num_items``: how many shows for each user, 10 unless given.

        Returns
        -------
        pandas.DataFrame
            ``user_id, rank, show_id, title, score, source``, a row a recommendation.
        """
        num_items = int((params or {}).get("num_items", 10))
        answers = [self._recommend(int(user), num_items) for user in model_input["user_id"]]
        return pd.concat(answers, ignore_index=True)

    def _recommend(self, user_id: int, num_items: int) -> pd.DataFrame:
        a = self.arrays
        row = int(np.searchsorted(a["user_ids"], user_id))
        known = row < len(a["user_ids"]) and a["user_ids"][row] == user_id
        personalized = known and a["user_factors"][row].any()
        if personalized:
            scores = a["show_factors"] @ a["user_factors"][row] + a["show_biases"]
        else:
            scores = a["popularity"].copy()
        if known:
            scores[a["seen_rows"][a["seen_indptr"][row] : a["seen_indptr"][row + 1]]] = -np.inf
        best = np.argsort(-scores, kind="stable")[:num_items]
        best = best[scores[best] > -np.inf]
        return pd.DataFrame(
            {
                "user_id": user_id,
                "rank": np.arange(1, len(best) + 1),
                "show_id": a["show_ids"][best],
                "title": [self.titles[show] for show in best],
                "score": scores[best].astype(float),
                "source": "personalized" if personalized else "popular",
            }
        )


mlflow.models.set_model(TvShowRecommender())
