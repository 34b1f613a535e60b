"""What the service is measured beside: a bare FastAPI application, and a naive service.

Both are handed the same model and ratings, and started by
``python -m benchmarks.serving_rivals NAME FOLDER PORT``.
"""

import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import uvicorn
from fastapi import FastAPI
from lightfm import LightFM
from pydantic import BaseModel
from scipy import sparse

from mlproject.core import columns as c
from mlproject.core.model import TrainedModel
from mlproject.core.ranking import top_k
from mlproject.core.user_ratings import UserRatings
from mlproject.models.files import load_model

Histories = dict[int, UserRatings]


class Asked(BaseModel):
    """A request."""

    user_id: int
    num_items: int = 10


def histories(folder: Path) -> Histories:
    """Return the ratings of each user."""
    with np.load(folder / "ratings.npz") as held:
        users, shows, ratings = held["users"], held["shows"], held["ratings"]
    starts = np.searchsorted(users, np.arange(users[-1] + 2))
    return {
        user: UserRatings(shows[first:last], ratings[first:last])
        for user, (first, last) in enumerate(pairwise(starts))
    }


def bare(folder: Path) -> FastAPI:
    """Answer with the same numpy, and nothing that a service in use needs."""
    return bare_application(load_model(folder / "model"), histories(folder))


def bare_application(model: TrainedModel, of: Histories) -> FastAPI:
    """Return :func:`bare` for a model and histories that are at hand."""
    app = FastAPI()

    @app.post("/recommend")
    async def recommend(asked: Asked) -> dict[str, Any]:
        history = model.history(of.get(asked.user_id, UserRatings.none()))
        scores = model.scores(history)[0]
        scores[history.show_rows] = -np.inf
        best = top_k(scores, asked.num_items)
        items = [{**model.cards[row], "score": round(float(scores[row]), 4)} for row in best]
        return {"user_id": asked.user_id, "items": items}

    return app


def naive(folder: Path) -> FastAPI:
    """Answer as the first notebook does: LightFM's predict with features, rows of a data frame."""
    trained, of = load_model(folder / "model"), histories(folder)
    users, shows = len(of), len(trained.shows)
    rows = {user: trained.shows.rows(rated.show_ids) for user, rated in of.items()}
    whose = np.repeat(np.arange(users, dtype=np.int32), [len(rows[user]) for user in range(users)])
    which = np.concatenate([rows[user] for user in range(users)]).astype(np.int32)
    ones = np.ones(len(which), dtype=np.float32)
    seen = sparse.coo_matrix((ones, (whose, which)), shape=(users, shows))
    model = LightFM(no_components=64, loss="warp", random_state=1)
    frame = pd.DataFrame(list(trained.cards))
    genres = sparse.csr_array(frame[c.GENRES].str.join("|").str.get_dummies().to_numpy())
    features = sparse.csr_matrix(sparse.hstack([sparse.eye_array(shows), genres]), dtype=np.float32)
    model.fit(seen, item_features=features, epochs=1)
    app = FastAPI()

    @app.post("/recommend")
    def recommend(asked: Asked) -> dict[str, Any]:
        scores = model.predict(asked.user_id, np.arange(shows), item_features=features)
        scores[rows.get(asked.user_id, [])] = -np.inf
        best = np.argsort(-scores)[: asked.num_items]
        found = frame.iloc[best].assign(score=scores[best])
        return {"user_id": asked.user_id, "items": found.to_dict("records")}

    return app


RIVALS: dict[str, Callable[[Path], FastAPI]] = {"bare": bare, "naive": naive}

if __name__ == "__main__":
    name, folder, port = sys.argv[1:]
    uvicorn.run(
        RIVALS[name](Path(folder)),
        port=int(port),
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
    )
