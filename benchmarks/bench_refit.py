"""What it gains to serve a fit on everything: both models of a version on what comes next.

On raters who come, rate and go. The newest tenth of the ratings is the future: what is before
it is held out and fitted as a build does it, then fitted again on everything with what was
found. Both are measured on the future, each with all that its users had rated before.
"""

import argparse
from typing import Final

import numpy as np
from scipy import sparse

from mlproject import config
from mlproject.bootstrap import App
from mlproject.core.interactions import Interactions, Split
from mlproject.core.model import Floats, Model, TrainedModel
from mlproject.core.preferences import history_weights
from mlproject.dataset.split import hold_out
from mlproject.training.evaluation import by_model, by_popularity, evaluate
from mlproject.training.popularity import popular_now
from mlproject.training.validation import choose_half_life
from tests.drifting import drifting, long_drifting

K: Final = 10


def before(data: Interactions, time: int) -> Interactions:
    """Return what was rated before a time; every user and show keeps its row."""
    past = data.rated_at < time
    return Interactions(
        data.users,
        data.shows,
        data.user_rows[past],
        data.show_rows[past],
        data.ratings[past],
        data.rated_at[past],
    )


def line(kind: str, data: Interactions, seed: int, app: App) -> None:
    """Fit, and print a line."""
    future, _ = hold_out(data, share=0.1, seed=seed, kind="time")
    past = before(data, int(data.rated_at[future.held_out].min()))
    split, _ = hold_out(past, share=0.2, seed=seed, kind="time")
    whole = Split(past, np.zeros(len(past), dtype=np.bool_), by_time=True)
    half_life = choose_half_life(split, seed)
    metadata = sparse.csr_array(np.zeros((data.shape[1], 1), dtype=np.float32))

    def of(model: Model, popularity: Floats) -> float:
        trained = TrainedModel(data.shows, model, popularity, history_weights(), ())
        return float(evaluate(by_model(trained, future), future, K).precision.mean())

    then, now = (popular_now(part, half_life) for part in (split, whole))
    found = [
        float(evaluate(by_popularity(popularity), future, K).precision.mean())
        for popularity in (then, now)
    ]
    for name in ("lightfm", "linear"):
        trainer = app.trainer(name)
        fitted = trainer.fit(split, metadata, half_life, lambda _: None)
        again = trainer.refit(whole, metadata, half_life, fitted.found, lambda _: None)
        found += [of(fitted.model, then), of(again, now)]
    print(f"{kind:5}{seed:5}" + "".join(f"{value:11.4f}" for value in found), flush=True)


def main() -> None:
    """Print a line for each set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13])
    given = parser.parse_args()
    columns = ("popular", "and again", "lightfm", "and again", "linear", "and again")
    print(f"{'':10}" + "".join(f"{name:>11}" for name in columns))
    for seed in given.seeds:
        app = App(config.load(seed=seed, threads=1))
        line("fast", drifting(2000, seed), seed, app)
        line("long", long_drifting(700, seed), seed, app)


if __name__ == "__main__":
    main()
