"""JSON lines are read without pandas and pyarrow, as far as nothing needs judging."""

import gzip
import json

import pytest

from mlproject.batches.jsonl import decode_json_lines
from mlproject.batches.rated_lines import read_rated_lines
from mlproject.core.errors import BatchError
from mlproject.core.event_keys import event_key
from mlproject.core.rating_order import Rated, order_of

EVENT = {
    "event_id": "a",
    "user_id": 1,
    "show_id": 2,
    "rating": 7,
    "rated_at": 5,
    "source": "REPLAYED",
}
RATED = Rated(1, 2, order_of(5, event_key("a"), 7))


def lines(*events: object) -> bytes:
    return "\n".join(json.dumps(event) for event in events).encode()


def test_rows_have_their_offsets() -> None:
    found = read_rated_lines(lines(EVENT, {**EVENT, "offset": 30}, EVENT), 10)
    assert found.ratings == [(10, RATED), (30, RATED), (31, RATED)]
    assert (found.passed_over, found.next_offset) == (0, 32)


def test_what_connects_sinks_write_is_read() -> None:
    content = gzip.compress(lines({"value": EVENT, "offset": 7}, {"value": {**EVENT, "offset": 9}}))
    assert read_rated_lines(content, 7).ratings == [(7, RATED), (9, RATED)]


def test_a_bad_row_is_passed_over_and_has_its_offset() -> None:
    content = b"\n".join([lines({**EVENT, "user_id": -1}), b"[1]", b"{", b"", lines(EVENT)])
    found = read_rated_lines(content, 0)
    assert found.ratings == [(3, RATED)]
    assert (found.passed_over, found.next_offset) == (3, 4)


def test_a_row_that_is_read_is_one_that_the_ingest_reads_alike() -> None:
    odd = {**EVENT, "rating": None, "user_id": "7.0", "rated_at": "2025-01-01T00:00:00Z"}
    content = lines(EVENT, odd, {**EVENT, "user_id": 2**62}, {**EVENT, "rating": 11})
    plain, found = decode_json_lines(content).ratings, read_rated_lines(content, 0)
    assert len(plain) == 3
    assert plain.user_id.tolist() == [rated.user_id for _, rated in found.ratings]
    assert plain.rating.tolist() == [rated.order[-1] for _, rated in found.ratings]


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"\x1f\x8bnot gzip", gzip.compress(b"x", mtime=0)[:-4]]
)
def test_what_is_no_text_is_refused(content: bytes) -> None:
    with pytest.raises(BatchError, match="not "):
        read_rated_lines(content, 0)
