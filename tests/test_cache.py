import errno
import os

import numpy as np
import pytest

from helpers.data.cache import ExampleCache


def example(seed, num_classes=3):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (4, 6, 1), np.uint8), rng.integers(0, 2, (4, 6, num_classes), np.uint8)


def same(found, expected):
    return all(
        np.array_equal(one, other) and one.dtype == other.dtype for one, other in zip(found, expected, strict=True)
    )


@pytest.fixture
def made():
    """A function that gives example 7, and a list of the times that it was called."""
    calls = []

    def make():
        calls.append(1)
        return example(7)

    return make, calls


def test_get_makes_an_example_once(tmp_path, made):
    make, calls = made
    cache = ExampleCache(tmp_path, "a", 5, (4, 6, 1), 3)
    assert same(cache.get(2, make), example(7)) and same(cache.get(2, make), example(7))
    assert len(calls) == 1


def test_get_from_a_cache_that_is_opened_again(tmp_path, made):
    make, calls = made
    ExampleCache(tmp_path, "a", 5, (4, 6, 1), 3).get(2, make)
    assert same(ExampleCache(tmp_path, "a", 5, (4, 6, 1), 3).get(2, make), example(7))
    assert len(calls) == 1


@pytest.mark.parametrize(("key", "count"), [("b", 5), ("a", 6)])
def test_cache_of_something_else_is_begun_anew(tmp_path, made, key, count):
    make, calls = made
    ExampleCache(tmp_path, "a", 5, (4, 6, 1), 3).get(2, lambda: example(1))
    assert same(ExampleCache(tmp_path, key, count, (4, 6, 1), 3).get(2, make), example(7))
    assert len(calls) == 1


def test_cache_takes_its_room_when_it_is_opened(tmp_path, monkeypatch, made):
    """So that a disk without any ends nothing midway; what another cache took is given back before."""
    ExampleCache(tmp_path, "a", 5, (40, 60, 1), 3)
    assert (tmp_path / "images.u8").stat().st_blocks * 512 >= 5 * 40 * 60
    left = 5 * 4 * 6

    def take(descriptor, offset, size):
        taken = sum(path.stat().st_size for path in tmp_path.glob("*.u8"))
        if taken + size > left:
            raise OSError(errno.ENOSPC, "No space left on device")
        os.truncate(descriptor, size)

    monkeypatch.setattr("os.posix_fallocate", take)
    with pytest.raises(
        OSError, match=r"masks.u8: .* need 0.0 GB there \(No space left on device\). Make room, or train"
    ):
        ExampleCache(tmp_path, "b", 5, (4, 6, 1), 3)
    left *= 3
    make, calls = made
    assert same(ExampleCache(tmp_path, "b", 5, (4, 6, 1), 3).get(2, make), example(7)) and len(calls) == 1


def test_get_after_a_failure_midway_makes_it_again(tmp_path, made):
    make, _ = made
    cache = ExampleCache(tmp_path, "a", 5, (4, 6, 1), 3)
    with pytest.raises(ValueError, match="broadcast"):
        cache.get(2, lambda: (example(1)[0], np.zeros((9, 9, 3), np.uint8)))
    assert same(cache.get(2, make), example(7))


def test_masks_of_more_classes_than_a_byte_holds(tmp_path):
    cache = ExampleCache(tmp_path, "a", 1, (4, 6, 1), 11)
    cache.get(0, lambda: example(3, 11))
    assert same(cache.get(0, None), example(3, 11))


def test_what_get_gives_can_be_changed_without_harm(tmp_path):
    cache = ExampleCache(tmp_path, "a", 1, (4, 6, 1), 3)
    cache.get(0, lambda: example(7))
    cache.get(0, None)[0][:] = 0
    assert same(cache.get(0, None), example(7))
