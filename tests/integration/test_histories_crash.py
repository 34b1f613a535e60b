"""Workers that are killed at any moment leave copies from which the next go on."""

import json
import multiprocessing
import random
import time
from pathlib import Path
from signal import SIGKILL
from uuid import UUID

import pytest

from mlproject.batches.keys import BatchKey
from mlproject.histories.copies import Copies
from mlproject.objects.local import LocalStore
from mlproject.snapshot.ingest import ingest
from mlproject.snapshot.rebuild import rebuild
from tests.following import follow, worker
from tests.servers import wait_until

KILLS = 25
USERS, SHOWS, ROWS = 40, 200, 300


def add_batch(store: LocalStore, number: int, rng: random.Random) -> None:
    rows = [
        {
            "event_id": str(UUID(int=rng.getrandbits(128))),
            "user_id": rng.randrange(USERS),
            "show_id": rng.randrange(SHOWS),
            "rating": rng.randint(1, 10),
            "rated_at": rng.randrange(10**6),
            "source": "REPLAYED",
        }
        for _ in range(ROWS)
    ]
    content = "\n".join(map(json.dumps, rows)).encode()
    store.put(str(BatchKey(number % 2, number // 2 * ROWS, "jsonl")), content)


@pytest.mark.timeout(180)
def test_kills_at_random_moments(tmp_path: Path) -> None:
    """Two workers at a time are killed while batches and snapshots come; nothing is lost."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.following"])
    store, rng = LocalStore(tmp_path / "store"), random.Random(7)
    copies = Copies(tmp_path / "histories", store.uri)
    names, state = set(), None
    add_batch(store, 0, rng)
    first = context.Process(target=follow, args=(tmp_path,))
    first.start()  # which starts the forking process too
    wait_until(lambda: bool(copies.current_name()), 30, "the first copy")
    first.kill()
    window = 0.5
    for number in range(1, KILLS):
        victims = [context.Process(target=follow, args=(tmp_path,)) for _ in range(2)]
        for victim in victims:
            victim.start()
        add_batch(store, number, rng)
        if number % 4 == 0:
            state, _ = ingest(store, state)
        time.sleep(rng.uniform(0, window))
        for victim in victims:
            victim.kill()
            victim.join()
            assert victim.exitcode == -SIGKILL
        current = copies.current()
        # On a busy machine all takes longer: aim at kills before and after a copy.
        window *= 1.3 if current is None or current.name in names else 0.8
        names |= {current.name} if current else set()
        assert current is not None or not copies.current_name(), "a copy is whole or not there"
    assert len(names) > KILLS / 6, "some got as far as a copy"

    ingest(store, state)
    rebuilt, _ = rebuild(store)
    expected = {
        (user, show): rating
        for user, show, rating in zip(
            *(rebuilt.ratings.user_id, rebuilt.ratings.show_id, rebuilt.ratings.rating),
            strict=True,
        )
    }
    histories = worker(tmp_path)
    histories.start()
    try:
        ends = {0: (KILLS + 1) // 2 * ROWS, 1: KILLS // 2 * ROWS}
        wait_until(lambda: histories.position.offsets == ends, 30, "the last batch")
        known = {
            (user, show): rating
            for user in range(USERS)
            for ratings in [histories.of(user).ratings]
            for show, rating in zip(ratings.show_ids, ratings.ratings, strict=True)
        }
        assert known == expected
        wait_until(lambda: histories.status.live_ratings < 150, 30, "the last copy")
    finally:
        histories.close()
    wait_until(
        lambda: not list(copies.folder.glob(".unfinished-*")), 10, "what killed ones left is gone"
    )
