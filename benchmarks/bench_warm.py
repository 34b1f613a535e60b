"""What it costs and gains to go on from the last fit: cycle after cycle, warm beside cold.

Nine tenths of the ratings are there at first, the rest arrives in equal parts; of sets that are
split by time the newest arrives last. Each cycle's holdout is cut anew, measured without what
the chain of fits has learned from, and both fits are measured by the same ratings. Seconds are
those of the processors. The sets are those of `bench_models.py`.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.bench_models import drifted, read, simulated
from mlproject import config
from mlproject.bootstrap import App
from mlproject.core.hashing import pair_uniform
from mlproject.core.interactions import Interactions
from mlproject.core.model import TrainedModel
from mlproject.core.preferences import history_weights
from mlproject.dataset.features import show_metadata
from mlproject.dataset.split import SplitKind, TimeCut, hold_out
from mlproject.training.evaluation import by_model, by_popularity, evaluate
from mlproject.training.popularity import popular_now
from mlproject.training.start import Start
from mlproject.training.trainer import Fitted, GoingOn
from mlproject.training.validation import choose_half_life

K: Final = 10


def arrived(data: Interactions, place: NDArray[np.float64], share: float) -> Interactions:
    """Return the first share of the ratings by ``place``; every user and show keeps its row."""
    here = place < share
    return Interactions(
        data.users,
        data.shows,
        data.user_rows[here],
        data.show_rows[here],
        data.ratings[here],
        data.rated_at[here],
    )


def spent(fit: Callable[[], Fitted]) -> tuple[Fitted, float]:
    """Fit, and return the seconds of the processors too."""
    before = time.process_time()
    return fit(), time.process_time() - before


def cycle(
    data: Interactions, metadata: sparse.csr_array, start: Start | None, app: App, kind: SplitKind
) -> tuple[str, Start | None]:
    """Fit from nothing and from the start; return a line, and what is left."""
    seed, trainer = app.settings.seed, app.trainer("lightfm")
    if not isinstance(trainer, GoingOn):
        raise TypeError(trainer.name)
    whole, _ = hold_out(data, share=0.2, seed=seed, kind=kind)
    nothing = np.zeros(len(data), dtype=np.bool_)
    learned = start.has_learned(data) if start else nothing
    split = replace(whole, held_out=whole.held_out & ~learned)
    half_life = choose_half_life(split, seed)
    popularity = popular_now(split, half_life)

    def precision(fitted: Fitted) -> float:
        model = TrainedModel(data.shows, fitted.model, popularity, history_weights(), ())
        return float(evaluate(by_model(model, split), split, K).precision.mean())

    popular = evaluate(by_popularity(popularity), split, K).precision.mean()
    cold, cold_s = spent(lambda: trainer.fit(split, metadata, half_life, lambda _: None))
    lost = (whole.held_out & learned).sum() / whole.held_out.sum()
    line = f"{len(data):10,} {lost:8.2%} {popular:9.4f} {precision(cold):9.4f} {cold_s:7.1f}"
    if start is None:
        return line, cold.leaves
    warm, warm_s = spent(lambda: trainer.go_on(start, split, metadata, half_life, lambda _: None))
    line += f" {precision(warm):9.4f} {warm_s:7.1f} {warm_s / cold_s:7.0%}"
    return line + f"  epochs {cold.kept}, {warm.kept}", warm.leaves


def main() -> None:
    """Print a line for each cycle."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--split", choices=["auto", "time", "random"], default="auto")
    parser.add_argument("--drift", choices=["fast", "long"], help="raters who come and go")
    parser.add_argument("--seed", type=int, default=42, help="of data, holdout and fits (42)")
    parser.add_argument("--cycles", type=int, default=5, help="after the first (5)")
    given = parser.parse_args()
    if given.folder:
        data, catalogue = read(given.folder, given.seed)
    elif given.drift:
        data, catalogue = drifted(given.drift, given.seed)
    else:
        data, catalogue = simulated(given.seed)
    metadata, app = show_metadata(catalogue), App(config.load(seed=given.seed))
    _, rule = hold_out(data, share=0.2, seed=given.seed, kind=given.split)
    print(f"{data.shape[0]:,} users, {data.shape[1]:,} shows; {rule}")
    print("   ratings  learned   popular      cold seconds      warm seconds   ratio")
    users, shows = data.users.ids[data.user_rows], data.shows.ids[data.show_rows]
    place = pair_uniform(users, shows, seed=7)
    if isinstance(rule, TimeCut):
        place = data.rated_at.argsort().argsort() / len(data)
    start: Start | None = None
    for number in range(given.cycles + 1):
        share = 0.9 + 0.1 * number / given.cycles
        line, start = cycle(arrived(data, place, share), metadata, start, app, given.split)
        print(line, flush=True)


if __name__ == "__main__":
    main()
