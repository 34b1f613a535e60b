"""The hashes are those of the paper, on every machine, and spread evenly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlproject.core.hashing import mix64, pair_uniform

int64s = st.integers(-(2**63), 2**63 - 1)


def splitmix64(state: int, n: int) -> list[int]:
    """The first outputs of the reference generator."""
    outputs = []
    for _ in range(n):
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        z = state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        outputs.append(z ^ (z >> 31))
    return outputs


@pytest.mark.parametrize("seed", [0, 1, 42])
def test_the_numbers_are_those_of_splitmix64(seed: int) -> None:
    """The seed picks an output of the generator, which starts it anew."""
    assert splitmix64(0, 2) == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4]
    state = splitmix64(0, seed + 1)[-1]
    assert mix64(np.arange(1, 6), seed).tolist() == splitmix64(state, 5)


@given(int64s, st.integers(-(2**64), 2**64))
def test_any_integer_and_any_seed_has_a_hash(value: int, seed: int) -> None:
    alone = mix64(np.array([value]), seed)
    assert alone.dtype == np.uint64
    assert mix64(np.array([0, value, 7]), seed)[1] == alone[0]


@pytest.mark.parametrize("shape", [(), (0,), (6,), (2, 3)])
def test_the_shape_is_kept(shape: tuple[int, ...]) -> None:
    values = np.zeros(shape, dtype=np.int64)
    assert mix64(values, 1).shape == shape
    assert pair_uniform(values, values, 1).shape == shape


def test_different_values_have_different_hashes() -> None:
    assert len(np.unique(mix64(np.arange(100_000), 3))) == 100_000


def test_flipping_a_bit_flips_half_of_the_hash() -> None:
    values = np.arange(1000)
    flipped = mix64(values, 1)[:, None] ^ mix64(values[:, None] ^ (1 << np.arange(63)), 1)
    assert np.bitwise_count(flipped).mean() == pytest.approx(32, abs=0.2)


def test_pairs_are_spread_evenly() -> None:
    first, second = (axis.ravel() for axis in np.meshgrid(np.arange(300), np.arange(300)))
    uniform = pair_uniform(first, second, 5)
    counts, _ = np.histogram(uniform, bins=10, range=(0, 1))
    assert counts.sum() == 90_000
    assert counts / 90_000 == pytest.approx([0.1] * 10, abs=0.005)


@given(int64s, int64s, st.integers(0, 2**63))
def test_a_pair_has_a_number_from_0_to_below_1(first: int, second: int, seed: int) -> None:
    assert 0 <= pair_uniform(np.array([first]), np.array([second]), seed)[0] < 1


def test_the_order_in_a_pair_and_the_seed_matter() -> None:
    first, second = np.arange(1000), np.arange(1000)[::-1]
    one = pair_uniform(first, second, 1)
    for other in (pair_uniform(second, first, 1), pair_uniform(first, second, 2)):
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.1


def test_neighbouring_seeds_share_no_hash() -> None:
    values = np.arange(1000)
    assert not np.isin(mix64(values, 1), mix64(values, 2)).any()


def test_neighbouring_seeds_share_no_pair() -> None:
    first, second = (axis.ravel() for axis in np.meshgrid(np.arange(50), np.arange(50)))
    shared = np.isin(pair_uniform(first, second, 1), pair_uniform(first, second, 2))
    assert not shared.any()
