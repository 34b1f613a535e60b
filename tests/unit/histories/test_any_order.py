"""Histories are the winners of all ratings, in whatever order things happen."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mlproject.batches.keys import SERVICE_PARTITION
from mlproject.core.rating_scale import RETRACTED
from mlproject.core.user_histories import Position
from mlproject.histories.followed import FollowedHistories
from mlproject.histories.past import history_at
from tests.rating_rows import RATINGS, Row, standing
from tests.unit.histories.conftest import World, event, known, place, settle

ROW = st.tuples(
    st.integers(0, 3),
    st.integers(0, 3),
    st.sampled_from(RATINGS),
    st.integers(0, 3),
    st.sampled_from([0, 1, 2**64 - 1]),
    st.sampled_from([0, 1, 2**63, 2**64 - 1]),
)
ROWS = st.lists(ROW, min_size=1, max_size=6)


def finish(worker: FollowedHistories) -> None:
    """Wait for the copy that a worker is writing."""
    if worker._writer is not None:
        worker._writer.join()


class AnyOrder(RuleBasedStateMachine):
    """Two workers on one machine; each is killed, restarted and left behind at will."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.world = World(Path(self.folder.name))
        self.written: list[Row] = []
        self.own: dict[int, list[Row]] = {0: [], 1: []}
        self.workers = {0: self.new(), 1: self.new()}
        self.answers: list[tuple[int, Position, list[tuple[int, int, int]]]] = []

    def new(self) -> FollowedHistories:
        made = self.world.process(live_ratings=4)
        made._stop.wait = lambda _: False  # type: ignore[method-assign]
        return made

    @rule(rows=ROWS, partition=st.sampled_from([0, 3]))
    def write(self, rows: list[Row], partition: int) -> None:
        self.world.batch(*rows, partition=partition)
        self.written += rows

    @rule(row=ROW, number=st.integers(0, 1))
    def rate(self, row: Row, number: int) -> None:
        offset = self.world.ends.get(SERVICE_PARTITION, 0)
        self.world.batch(row, partition=SERVICE_PARTITION)
        self.written.append(row)
        self.workers[number].add(event(row), place(SERVICE_PARTITION, offset))
        self.own[number].append(row)

    @rule()
    def ingest(self) -> None:
        self.world.ingest()

    @rule(number=st.integers(0, 1))
    def follow(self, number: int) -> None:
        self.world.clock += 20
        self.workers[number].turn()
        self.own[number].clear()

    @rule(number=st.integers(0, 1))
    def write_a_copy(self, number: int) -> None:
        self.world.clock += 1000
        settle(self.workers[number])
        self.own[number].clear()

    @rule(number=st.integers(0, 1))
    def restart(self, number: int) -> None:
        # The end of a process ends its threads; this one would go on, and hold the lock.
        finish(self.workers[number])
        self.workers[number] = self.new()
        if copy := self.workers[number]._copies.current():
            self.workers[number]._adopt(copy)
        self.own[number].clear()

    @rule(number=st.integers(0, 1), user=st.integers(0, 3))
    def answer(self, number: int, user: int) -> None:
        history = self.workers[number].of(user)
        rated = zip(
            history.ratings.show_ids.tolist(), history.ratings.ratings.tolist(), strict=True
        )
        self.answers.append((user, history.position, [(user, *pair) for pair in rated]))

    @invariant()
    def what_is_known_was_written(self) -> None:
        possible = {(row[0], row[1], row[2]) for row in self.written}
        for worker in self.workers.values():
            assert set(known(worker, 4)) <= possible

    @invariant()
    def what_came_through_a_worker_counts(self) -> None:
        for number, rows in self.own.items():
            shown = {rated[:2] for rated in known(self.workers[number], 4)}
            taken_back = {row[:2] for row in self.written if row[2] == RETRACTED}
            assert {row[:2] for row in rows} - taken_back <= shown

    def teardown(self) -> None:
        with self.folder:
            self.check_the_end()

    def check_the_end(self) -> None:
        for worker in self.workers.values():
            finish(worker)
        expected = [row[:3] for row in standing(self.written)]
        for worker in (*self.workers.values(), self.new()):
            for _ in range(4):  # a worker may first have to wait for another's copy
                self.world.clock += 1000
                settle(worker)
            assert known(worker, 4) == expected
        for user, position, told in self.answers:
            past = history_at(self.world.store, position, user)
            again = zip(past.show_ids.tolist(), past.ratings.tolist(), strict=True)
            assert [(user, *pair) for pair in again] == told, position


AnyOrder.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestAnyOrder = AnyOrder.TestCase
