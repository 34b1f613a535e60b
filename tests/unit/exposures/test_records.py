"""Exposures are read as they were written; anything else is told."""

import gzip
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlproject.core.errors import DataError
from mlproject.core.exposures import Exposure
from mlproject.exposures.records import day_of, decode, encode, new_key
from tests.unit.exposures.conftest import exposure

IDS = st.integers(0, 2**63 - 1)
SHOWS = st.lists(st.tuples(IDS, st.sampled_from("pcb")), max_size=12)


@given(st.lists(st.tuples(IDS, IDS, SHOWS, st.booleans()), max_size=5))
def test_what_was_written_is_read(
    given_: list[tuple[int, int, list[tuple[int, str]], bool]],
) -> None:
    made = [
        Exposure(
            user,
            at,
            version=3,
            shows=[show for show, _ in shows],
            challenger=4 if is_mixed else 0,
            teams="".join(team for _, team in shows) if is_mixed else "",
            position={"snapshot": 9, "offsets": {"0": at}, "beyond": [[1000, 2]]},
        )
        for user, at, shows, is_mixed in given_
    ]
    assert decode(encode(made)) == made


def test_keys_ascend_with_time_and_tell_their_day() -> None:
    keys = [new_key(at) for at in (0, 1, 86_399_999, 86_400_000)]
    assert keys == sorted(keys)
    assert [day_of(key) for key in keys] == [date(1970, 1, 1)] * 3 + [date(1970, 1, 2)]
    assert day_of("exposures/other") is None


@pytest.mark.parametrize(
    "content",
    [
        b"no gzip",
        encode([exposure()])[:-9],
        gzip.compress(b"no json\n", mtime=0),
        gzip.compress(b"[1]\n", mtime=0),
        gzip.compress(b'{"user_id": 1}\n', mtime=0),
        gzip.compress(b'{"user_id":"1","shown_at":1,"version":1,"shows":[]}\n', mtime=0),
        gzip.compress(
            b'{"user_id":1,"shown_at":1,"version":1,"shows":[1],"teams":"pc"}\n', mtime=0
        ),
        gzip.compress(b'{"user_id":1,"shown_at":1,"version":1,"shows":[1],"teams":"x"}\n', mtime=0),
    ],
)
def test_what_is_damaged_is_told(content: bytes) -> None:
    with pytest.raises(DataError):
        decode(content)
