"""What a process says of its own memory."""

import sys

import pytest

from mlproject.core.memory import resident_bytes


@pytest.mark.skipif(sys.platform != "linux", reason="the others do not say")
def test_an_array_that_is_written_is_resident() -> None:
    before = resident_bytes()
    held = bytearray(b"x" * 50_000_000)
    after = resident_bytes()
    assert before is not None
    assert after is not None
    assert after - before > 0.8 * len(held)
