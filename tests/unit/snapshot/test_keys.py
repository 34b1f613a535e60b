"""The keys of the snapshot are read back as they were made."""

from hypothesis import given
from hypothesis import strategies as st

from mlproject.snapshot import keys as snapshot_keys


@given(st.integers(0, 10**12), st.integers(0, 2**64))
def test_a_segments_generation_is_read_back(generation: int, digest: int) -> None:
    assert (
        snapshot_keys.generation_of(snapshot_keys.segment(generation, f"{digest:x}")) == generation
    )


def test_foreign_keys_have_no_generation() -> None:
    for key in (snapshot_keys.MANIFEST, f"{snapshot_keys.SEGMENTS}x.parquet", ""):
        assert snapshot_keys.generation_of(key) is None
