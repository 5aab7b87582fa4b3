"""Draws that are functions of id and seed: published values, and the laws that they must follow."""

import hashlib

import numpy as np
import pytest
from scipy import stats

from assayd_server.core.hashing import id_hash, splitmix64, uniform

INCREMENT = 0x9E3779B97F4A7C15


def test_splitmix64_gives_the_published_sequence_of_the_seed_1234567() -> None:
    states = np.array([(1234567 + step * INCREMENT) % 2**64 for step in range(5)], np.uint64)
    assert splitmix64(states).tolist() == [
        6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821
    ]  # fmt: skip


def test_splitmix64_agrees_with_arithmetic_on_whole_numbers() -> None:
    def naive(value: int) -> int:
        mixed = (value + INCREMENT) % 2**64
        mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB % 2**64
        return mixed ^ mixed >> 31

    values = np.random.default_rng(1).integers(0, 2**64, 200, np.uint64, endpoint=False)
    assert splitmix64(values).tolist() == [naive(int(value)) for value in values]


def test_different_ids_have_different_hashes() -> None:
    assert len(np.unique(id_hash(np.arange(-5000, 5000)))) == 10_000


def test_a_signed_id_is_taken_modulo_two_to_the_64() -> None:
    assert id_hash(np.array([-1])).tolist() == id_hash(np.array([2**64 - 1], np.uint64)).tolist()


def test_bytes_are_hashed_as_by_blake2b() -> None:
    digests = [hashlib.blake2b(name, digest_size=8).digest() for name in (b"", b"row-7")]
    assert id_hash([b"", b"row-7"]).tolist() == [int.from_bytes(digest, "little") for digest in digests]


def test_ids_are_left_as_they_were() -> None:
    ids = np.arange(5, dtype=np.uint64)
    ids.flags.writeable = False
    id_hash(ids)
    assert ids.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("seed", "stream"), [(0, 0), (0, 1), (1, 0), (2**64 - 1, 7)])
def test_draws_of_successive_ids_are_uniform(seed: int, stream: int) -> None:
    draws = uniform(np.arange(20_000, dtype=np.uint64), seed=seed, stream=stream)
    assert stats.kstest(draws, "uniform").pvalue > 0.001


def test_draws_lie_strictly_between_0_and_1_at_the_ends_of_the_bits() -> None:
    ends = np.array([0, 2**52 - 1], np.uint64)
    least, greatest = (ends.astype(np.float64) + 0.5) * 2.0**-52
    assert 0 < least < greatest < 1


@pytest.mark.parametrize("other", [{"seed": 8, "stream": 0}, {"seed": 7, "stream": 1}])
def test_another_seed_or_stream_gives_independent_draws(other: dict[str, int]) -> None:
    ids = np.arange(20_000, dtype=np.uint64)
    correlation = np.corrcoef(uniform(ids, seed=7, stream=0), uniform(ids, **other))[0, 1]
    assert abs(correlation) < 4 / np.sqrt(len(ids))


def test_successive_ids_have_independent_draws() -> None:
    draws = uniform(np.arange(20_000, dtype=np.uint64), seed=7, stream=0)
    assert abs(np.corrcoef(draws[1:], draws[:-1])[0, 1]) < 4 / np.sqrt(len(draws))


def test_a_draw_depends_on_its_own_id_alone() -> None:
    ids = np.array([3, 9, 3, 4], np.uint64)
    draws = uniform(ids, seed=7, stream=0)
    assert draws[0] == draws[2]
    assert uniform(ids[::-1], seed=7, stream=0).tolist() == draws[::-1].tolist()


def test_draws_stay_as_they_are_from_release_to_release() -> None:
    draws = uniform(np.array([0, 1, 2**64 - 1], np.uint64), seed=42, stream=3)
    assert draws.tolist() == [0.10017255093780764, 0.5294173111893511, 0.5249131071006462]


def test_no_ids_give_no_draws() -> None:
    assert uniform(np.empty(0, np.uint64), seed=0, stream=0).shape == (0,)
