"""Event ids as numbers: a UUID is its value, other text its hash, alone or in company."""

import hashlib
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from mlproject.core.event_keys import event_keys

ODD = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="0123456789abcdefABCDEFg-", min_size=36, max_size=36),
)


def whole(ids: list[str]) -> list[int]:
    high, low = event_keys(ids)
    return [a << 64 | b for a, b in zip(high.tolist(), low.tolist(), strict=True)]


@given(st.lists(st.uuids()))
def test_a_uuid_is_its_own_value_in_either_case(ids: list[UUID]) -> None:
    assert whole([str(one) for one in ids]) == [one.int for one in ids]
    assert whole([str(one).upper() for one in ids]) == [one.int for one in ids]


@given(st.lists(st.one_of(st.uuids().map(str), ODD)))
def test_company_does_not_change_a_number(ids: list[str]) -> None:
    assert whole(ids) == [whole([one])[0] for one in ids]


def test_other_text_is_hashed() -> None:
    digest = hashlib.blake2b(b"event-3", digest_size=16).digest()
    assert whole(["event-3"]) == [int.from_bytes(digest)]


def test_texts_whose_lengths_only_sum_up_to_uuids_are_hashed() -> None:
    assert len(set(whole(["a" * 35, "b" * 37]))) == 2


@given(st.uuids(), st.uuids(), st.integers(1, 35))
def test_uuids_cut_elsewhere_are_hashed(first: UUID, second: UUID, shift: int) -> None:
    text = f"{first}{second}"
    cut = [text[: 36 + shift], text[36 + shift :]]
    assert whole(cut) == [whole([one])[0] for one in cut]


def test_no_ids_no_numbers() -> None:
    assert whole([]) == []
