"""The model as MLflow sees it: ``mlflow.pyfunc.load_model(...).predict(frame)``.

MLflow copies this file into the artifact and runs it from there (models from code),
together with the few modules it imports: see
:data:`mlproject.registry.model_logging.CODE`. A version therefore scores as the service
does and needs nothing but MLflow, numpy and pandas, in ``mlflow models serve`` too.
"""

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from mlproject.core.histories import Histories
from mlproject.core.ids import UNKNOWN_ROW
from mlproject.core.model import TrainedModel
from mlproject.core.ranking import top_k
from mlproject.core.sources import source_of
from mlproject.models.files import load_model

# Scores held at once: the rows of a block times the shows.
_CELLS = 1 << 23


class TvShowRecommender(PythonModel):
    """Ranks the shows that are not in a history; popular ones for an empty history."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the arrays, each checked against its checksum."""
        self.model = load_model(Path(context.artifacts["model"]))

    def predict(
        self,
        context: PythonModelContext,  # noqa: ARG002
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Recommend shows for each history.

        Parameters
        ----------
        context
            Not used.
        model_input
            A column ``history``, lists of show ids; and, if there is one, ``ratings``, as
            many numbers from 1 to 10 each, 0 = watched, not rated. Without it, all of a
            history was liked best.
        params
            ``num_items``: how many shows for each history, 10 unless given.

        Returns
        -------
        pandas.DataFrame
            ``row, rank, show_id, title, score, source``, one row per recommendation; ``row``
            is the place of the history in the input, from 0.

        Raises
        ------
        ValueError
            If ``num_items`` is less than 1, or ratings do not fit their history.
        """
        num_items = int((params or {}).get("num_items", 10))
        if num_items < 1:
            raise ValueError(f"num_items must be 1 or more, got {num_items}")
        histories = _histories(self.model, model_input)
        block = max(1, _CELLS // len(self.model.shows))
        parts = [
            _recommended(self.model, histories[start : start + block], start, num_items)
            for start in range(0, max(1, len(histories)), block)
        ]
        return pd.concat(parts, ignore_index=True)


def _recommended(
    model: TrainedModel, histories: Histories, first: int, num_items: int
) -> pd.DataFrame:
    """Answer a block of histories, the first of which is row ``first`` of the input."""
    scores = model.scores(histories)
    scores[histories.users, histories.show_rows] = -np.inf
    best = top_k(scores, num_items)
    ranked = np.take_along_axis(scores, best, axis=1)
    row, place = np.nonzero(ranked > -np.inf)
    shows = best[row, place]
    liked = np.bincount(histories.users[histories.weights > 0], minlength=len(histories))
    sources = np.array([source_of(count) for count in liked.tolist()], dtype=object)
    titles = [model.cards[show]["title"] for show in shows.tolist()]
    return pd.DataFrame(
        {
            "row": first + row,
            "rank": place + 1,
            "show_id": model.shows.ids[shows],
            "title": pd.Series(titles, dtype="str"),
            "score": ranked[row, place].astype(np.float64),
            "source": pd.Series(sources[row], dtype="str"),
        }
    )


def _histories(model: TrainedModel, frame: pd.DataFrame) -> Histories:
    shows = [np.asarray(ids, dtype=np.int64) for ids in frame["history"]]
    ratings = (
        [np.asarray(values, dtype=np.float64) for values in frame["ratings"]]
        if "ratings" in frame
        else [np.full(len(ids), 10.0) for ids in shows]
    )
    for row, (ids, values) in enumerate(zip(shows, ratings, strict=True)):
        whole = (values >= 0) & (values <= 10) & (values % 1 == 0)  # noqa: PLR2004 - the scale
        if len(ids) != len(values) or not whole.all():
            raise ValueError(
                f"row {row}: ratings must be as many whole numbers from 0 to 10 as the "
                f"history has shows, {len(ids)}; got {values.tolist()[:20]}"
            )
        if len(np.unique(ids)) < len(ids):
            raise ValueError(f"row {row}: a show occurs twice in the history")
    lengths = [len(ids) for ids in shows]
    rows = model.shows.rows(np.concatenate([*shows, np.empty(0, dtype=np.int64)]))
    values = np.concatenate([*ratings, np.empty(0)]).astype(np.int8)
    known = rows != UNKNOWN_ROW
    indptr = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    kept = np.concatenate(([0], np.cumsum(known)))
    return Histories(
        kept[indptr], rows[known].astype(np.int32), model.history_weights[values[known]]
    )


mlflow.models.set_model(TvShowRecommender())
