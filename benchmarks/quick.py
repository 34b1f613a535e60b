"""Our way beside a named other way, in one run of a few minutes: ``make bench``.

Each row does the same work both ways, in turns, and the medians are compared, of processor
time, so that what else the machine does hardly counts. The others are what one would write
first, with the usual libraries; each is checked to give the same answer before it is timed.
"""

import argparse
import asyncio
import gzip
import json
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import Final

import matplotlib as mpl
import numpy as np
import pandas as pd
from lightfm.data import Dataset as LightFMDataset
from starlette.types import ASGIApp, Message

from benchmarks.serving_rivals import bare_application
from mlproject import config
from mlproject.batches.formats import decode_batch, encode_batch
from mlproject.batches.jsonl import GZIP_LEVEL
from mlproject.batches.jsonl_arrow import decode_json_lines
from mlproject.batches.keys import BatchKey
from mlproject.batches.log import BatchRatingLog
from mlproject.batches.sink import BatchSink
from mlproject.catalogue.files import bundled
from mlproject.core import columns as c
from mlproject.core.catalogue import Catalogue
from mlproject.core.interactions import Interactions, Split
from mlproject.core.preferences import is_relevant
from mlproject.core.rating_columns import RatingColumns
from mlproject.core.user_ratings import UserRatings
from mlproject.dataset.drift import drift
from mlproject.dataset.features import show_metadata
from mlproject.dataset.matrices import interactions
from mlproject.dataset.split import hold_out
from mlproject.events.simulator import Simulator
from mlproject.serving.application import application
from mlproject.serving.entrance import Entrance
from mlproject.serving.recommender import Recommender, Wish
from mlproject.snapshot.ingest import ingest
from mlproject.snapshot.switch import current
from mlproject.testing import MemoryStore
from mlproject.training.evaluation import by_popularity, evaluate
from mlproject.training.lightfm import LightFMTrainer
from mlproject.training.linear import LinearTrainer
from mlproject.training.popularity import popular_now
from tests import builders
from tests.unit.serving.conftest import FakeAdapters, FakeWatcher

ROOT: Final = Path(__file__).parents[1]
REPORT: Final = ROOT / "docs" / "benchmarks" / "README.md"
PLOT: Final = "quick.svg"
RATINGS, USERS, BATCH, K = 100_000, 2_000, 10_000, 10
README: Final = ROOT / "README.md"
FIVE: Final = (
    f"read a batch of {BATCH:,} events",
    "bring the snapshot up to date",
    f"{RATINGS:,} ratings to a matrix",
    "all metrics of all users",
    "answer with 10 of 5,000 shows",
)
"""The rows that the README shows."""
FIVE_HEAD: Final = "| what | the other way | its time, ours = 1 |\n|---|---|---|\n"
HALF_LIFE: Final = 30.0


@dataclass(frozen=True, slots=True)
class Row:
    """What was compared.

    Parameters
    ----------
    what, ours, other
        The work, and the two ways to do it.
    seconds, other_seconds
        Medians, of processor time.
    """

    what: str
    ours: str
    other: str
    seconds: float
    other_seconds: float

    @property
    def ratio(self) -> float:
        """How many times as long the other way takes."""
        return self.other_seconds / self.seconds


def in_turns(
    ours: Callable[[], object], other: Callable[[], object], times: int
) -> tuple[float, float]:
    """Return the median processor seconds of both, after one turn for warming up."""
    spent: tuple[list[float], list[float]] = ([], [])
    for at in range(times + 1):
        for way, seconds in zip((ours, other), spent, strict=True):
            started = time.process_time()
            way()
            if at:
                seconds.append(time.process_time() - started)
    return median(spent[0]), median(spent[1])


@dataclass(frozen=True, slots=True)
class World:
    """Simulated ratings of the bundled catalogue, in the forms that the rows begin with."""

    catalogue: Catalogue
    store: MemoryStore
    ratings: RatingColumns
    data: Interactions
    split: Split

    @classmethod
    def made(cls) -> "World":
        """Simulate, and bring it to a snapshot."""
        catalogue, store = bundled().read(), MemoryStore()
        source = Simulator(
            catalogue, users=USERS, ratings=RATINGS, seed=1, now=lambda: datetime.now(UTC)
        )
        sink = BatchSink(store, batch_rows=BATCH)
        sink.append(source.read(0, RATINGS))
        sink.flush()
        state, _ = ingest(store)
        data, _ = interactions(state.ratings, catalogue)
        split, _ = hold_out(data, share=0.2, seed=1, kind="time")
        return cls(catalogue, store, state.ratings, data, split)


def rows(world: World) -> Iterator[Row]:
    """Yield each comparison when it is done."""
    yield writing(world)
    yield reading(world)
    yield cycle(world)
    yield matrix(world)
    yield history(world)
    yield measuring(world)
    yield answering(world)
    yield serving(world)
    yield training(world)
    yield looking(world)


def reading(world: World) -> Row:
    """Read a batch of JSON lines: columns by pyarrow, each row checked, beside pandas."""
    content = world.store.objects[str(BatchKey(0, 0, "jsonl.gz"))]

    def by_pandas() -> pd.DataFrame:
        frame = pd.read_json(BytesIO(content), lines=True, compression="gzip")
        good = frame[c.RATING].isna() | frame[c.RATING].between(1, 10)
        return frame[good].drop_duplicates(c.EVENT_ID)

    assert len(by_pandas()) == len(decode_json_lines(content).ratings)
    seconds = in_turns(lambda: decode_json_lines(content), by_pandas, 9)
    return Row(f"read a batch of {BATCH:,} events", "checked columns", "pandas.read_json", *seconds)


def cycle(world: World) -> Row:
    """Take one new batch into a snapshot of all, beside reading all batches again."""
    state = current(world.store)[1]
    position = [RATINGS]

    def only_new() -> None:
        nonlocal state
        sink = BatchSink(world.store, batch_rows=BATCH)
        sink.append(builders.ratings(100, first=position[0]))
        sink.flush()
        position[0] += 100
        state, _ = ingest(world.store, state)

    def all_again() -> None:
        objects = {
            key: content
            for key, content in world.store.objects.items()
            if key.startswith("topics/")
        }
        ingest(MemoryStore(objects))

    seconds = in_turns(only_new, all_again, 5)
    return Row("bring the snapshot up to date", "what is new", "all batches again", *seconds)


def matrix(world: World) -> Row:
    """Lay out ratings as a sparse matrix, beside LightFM's own Dataset."""
    ratings = world.ratings
    frame = pd.DataFrame(
        {c.USER_ID: ratings.user_id, c.SHOW_ID: ratings.show_id, c.RATING: ratings.rating}
    )

    def by_arrays() -> int:
        found, _ = interactions(ratings, world.catalogue)
        return int(found.matrix(found.ratings, np.ones(len(found), dtype=np.bool_)).nnz)

    def by_rows() -> int:
        dataset = LightFMDataset()
        dataset.fit(frame[c.USER_ID].unique(), world.catalogue.frame[c.SHOW_ID])
        cells, _ = dataset.build_interactions(frame.itertuples(index=False, name=None))
        return int(cells.tocsr().nnz)

    assert by_arrays() == by_rows()
    seconds = in_turns(by_arrays, by_rows, 5)
    return Row(f"{RATINGS:,} ratings to a matrix", "array operations", "lightfm.Dataset", *seconds)


def history(world: World) -> Row:
    """Find what a user has rated, beside a filter of a data frame."""
    state = current(world.store)[1]
    frame = pd.DataFrame({c.USER_ID: state.ratings.user_id, c.SHOW_ID: state.ratings.show_id})
    users = np.unique(state.ratings.user_id)[:200].tolist()

    def sorted_arrays() -> int:
        return sum(len(state.of_user(user)) for user in users)

    def filtered() -> int:
        return sum(int((frame[c.USER_ID] == user).sum()) for user in users)

    assert sorted_arrays() == filtered()
    seconds = in_turns(sorted_arrays, filtered, 7)
    return Row("200 histories of users", "binary search", "pandas filter", *seconds)


def measuring(world: World) -> Row:
    """Measure a recommender on all users, beside a loop over them."""
    split, popularity = world.split, popular_now(world.split, HALF_LIFE)
    data, held = split.interactions, split.held_out

    def all_at_once() -> float:
        return float(evaluate(by_popularity(popularity), split, K).precision.mean())

    def one_by_one() -> float:
        found = []
        for user in np.unique(data.user_rows[held & is_relevant(data.ratings)]):
            own = data.user_rows == user
            scores = popularity.astype(np.float64).copy()
            scores[data.show_rows[own & ~held]] = -np.inf
            best = np.argsort(-scores, kind="stable")[:K]
            liked = data.show_rows[own & held & is_relevant(data.ratings)]
            found.append(np.isin(best, liked).mean())
        return float(np.mean(found))

    assert np.isclose(all_at_once(), one_by_one())
    seconds = in_turns(all_at_once, one_by_one, 3)
    return Row("all metrics of all users", "in blocks", "a loop for precision alone", *seconds)


def answering(_: World) -> Row:
    """Answer a request, beside a data frame that is built and sorted for each."""
    model = builders.model(range(5_000))
    recommender = Recommender(1, model)
    rated = UserRatings(np.arange(0, 400, 10), np.full(40, 9, dtype=np.int8))

    def by_service() -> bytes:
        return recommender.answer(1, rated, Wish(K)).body

    def by_frame() -> bytes:
        scores = model.scores(model.history(rated))[0]
        frame = pd.DataFrame({c.SHOW_ID: model.shows.ids, "score": scores})
        frame = frame[~frame[c.SHOW_ID].isin(rated.show_ids)]
        best = frame.sort_values("score", ascending=False, kind="stable").head(K)
        items = [
            {**model.cards[row], "score": float(score)}
            for row, score in zip(best.index.tolist(), best["score"], strict=True)
        ]
        return json.dumps({"user_id": 1, "items": items}).encode()

    assert len(json.loads(by_service())["items"]) == len(json.loads(by_frame())["items"]) == K
    seconds = in_turns(by_service, by_frame, 300)
    return Row("answer with 10 of 5,000 shows", "a partial sort", "a sorted data frame", *seconds)


def serving(_: World) -> Row:
    """Answer through the whole application, beside a bare FastAPI route with the same model."""
    model = builders.model(range(5_000))
    rated = UserRatings(np.arange(0, 400, 10), np.full(40, 9, dtype=np.int8))
    adapters = FakeAdapters(
        BatchRatingLog(MemoryStore(), linger_seconds=0),
        FakeWatcher(Recommender(1, model)),
        config.load(),
    )
    adapters.user_histories.ratings[1] = dict.fromkeys(rated.show_ids.tolist(), 9)
    app = application(lambda: nullcontext(adapters))  # type: ignore[arg-type]
    entrance, plain = Entrance(app, app), bare_application(model, {1: rated})
    body = json.dumps({"user_id": 1, "num_items": K}).encode()

    async def answer(served: ASGIApp) -> bytes:
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/recommend",
            "query_string": b"",
            "root_path": "",
            "client": ("127.0.0.1", 1),
            "headers": [(b"content-type", b"application/json")],
        }
        sent: list[bytes] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message.get("body", b""))

        await served(scope, receive, send)
        return b"".join(sent)

    with asyncio.Runner() as runner:
        lifespan = app.router.lifespan_context(app)
        runner.run(lifespan.__aenter__())

        def ours() -> bytes:
            return runner.run(answer(entrance))

        def other() -> bytes:
            return runner.run(answer(plain))

        assert len(json.loads(ours())["items"]) == len(json.loads(other())["items"]) == K
        seconds = in_turns(ours, other, 500)
        runner.run(lifespan.__aexit__(None, None, None))
    return Row("POST /recommend, without a socket", "the application", "bare FastAPI", *seconds)


def writing(world: World) -> Row:
    """Write a batch object, beside a loop of json.dumps."""
    source = Simulator(
        world.catalogue, users=USERS, ratings=BATCH, seed=1, now=lambda: datetime.now(UTC)
    )
    events, key = source.read(0, BATCH), BatchKey(0, 0)

    def by_columns() -> bytes:
        return encode_batch(key, events)

    def by_loop() -> bytes:
        lines = [
            json.dumps({"offset": offset, "value": event})
            for offset, event in enumerate(events.events())
        ]
        return gzip.compress("\n".join(lines).encode(), GZIP_LEVEL)

    written = gzip.decompress(by_loop()).splitlines()
    assert len(decode_batch(key, by_columns()).ratings) == len(written) == BATCH
    seconds = in_turns(by_columns, by_loop, 10)
    return Row(f"write a batch of {BATCH:,} events", "columns", "json.dumps of each", *seconds)


def training(world: World) -> Row:
    """Fit the linear model, beside LightFM."""
    metadata = show_metadata(world.catalogue)
    linear = LinearTrainer(
        neighbours=50, ridge=3.0, dropout=0.2, prior=1.0, fewest_raters=5, seed=1
    )
    lightfm = LightFMTrainer(
        dimensions=64,
        epochs=15,
        learning_rate=0.06,
        max_sampled=100,
        l2=1e-4,
        fewest_raters=5,
        patience=6,
        seconds=90,
        threads=1,
        seed=1,
    )

    def fit(trainer: LinearTrainer | LightFMTrainer) -> Callable[[], object]:
        return lambda: trainer.fit(world.split, metadata, HALF_LIFE, lambda _: None)

    seconds = in_turns(fit(linear), fit(lightfm), 1)
    return Row(f"a fit on {RATINGS:,} ratings", "linear", "LightFM, one thread", *seconds)


def looking(world: World) -> Row:
    """Look for drift, beside what a cycle does anyway to merge ratings and catalogue."""
    seconds = in_turns(
        lambda: drift(world.data), lambda: interactions(world.ratings, world.catalogue), 15
    )
    return Row("drift of a cycle", "drift", "the merge with the catalogue", *seconds)


def machine() -> str:
    """Say where this was measured."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 2**20
    return (
        f"{len(models)} processors ({models[0]}), {memory:.0f} GB; {platform.system()} "
        f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}, "
        f"pandas {pd.__version__}"
    )


def table(found: list[Row]) -> str:
    """Return the rows in Markdown."""
    lines = [
        "| what | ours | | the other way | | its time, ours = 1 |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.what} | {row.ours} | {_time(row.seconds)} | {row.other} | "
        f"{_time(row.other_seconds)} | {row.ratio:.1f} |"
        for row in found
    ]
    return "\n".join(lines)


def with_five(text: str, found: list[Row]) -> str:
    """Return the README with the ratios that it shows."""
    before, head, after = text.partition(FIVE_HEAD)
    chosen = [row for row in found if row.what in FIVE]
    lines = [f"| {row.what} | {row.other} | {row.ratio:.1f} |" for row in chosen]
    return before + head + "\n".join(lines) + after[after.index("\n\n") :]


def draw(found: list[Row], path: Path) -> None:
    """Draw the ratios."""
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "tvrec"
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after the choice of the backend

    figure, axes = plt.subplots(figsize=(8, 0.5 * len(found) + 1), layout="constrained")
    bars = axes.barh(
        [f"{row.what}\nbeside {row.other}" for row in found], [row.ratio for row in found]
    )
    axes.bar_label(bars, fmt="%.1f", padding=3)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.invert_yaxis()
    axes.set_xlabel("time of the other way, ours = 1")
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Print the table; with ``--write`` put it into the documents, with the plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks and the README")
    given = parser.parse_args()
    found = []
    for row in rows(World.made()):
        found.append(row)
        print(f"{row.what}: {row.other} {row.ratio:.1f}, {row.ours} 1", flush=True)
    print(f"\n{machine()}\n\n{table(found)}")
    if given.write:
        text = REPORT.read_text()
        head = text[: text.index("Measured ")] if "Measured " in text else text + "\n"
        REPORT.write_text(
            f"{head}Measured on {machine()}; processor time, medians:\n\n{table(found)}\n\n"
            f"![ratios]({PLOT})\n"
        )
        README.write_text(with_five(README.read_text(), found))
        draw(found, REPORT.parent / PLOT)


def _time(seconds: float) -> str:
    return f"{1000 * seconds:.2f} ms" if seconds < 1 else f"{seconds:.1f} s"


if __name__ == "__main__":
    main()
