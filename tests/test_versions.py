"""Versions of a prediction."""

import pytest

from helpers.models.versions import AS_IT_IS, Version, candidates, check_sizes, parts_of


def test_candidates_are_each_size_their_mean_and_the_same_mirrored():
    """As it is first, since it costs least."""
    assert candidates() == (AS_IT_IS,)
    assert candidates((1.0,), mirrored=True) == (AS_IT_IS, Version(mirrored=True))
    found = candidates((1.25, 1, 0.5), mirrored=True)
    sizes = [(1.0,), (0.5,), (1.25,), (0.5, 1.0, 1.25)]
    assert found == tuple(Version(each, mirrored) for mirrored in (False, True) for each in sizes)
    assert parts_of(found) == tuple(Version((size,), mirrored) for mirrored in (False, True) for size in (1, 0.5, 1.25))


@pytest.mark.parametrize(
    ("version", "name"),
    [
        (AS_IT_IS, "as it is"),
        (Version(mirrored=True), "mirrored"),
        (Version((1.25,)), "at 1.25 times the network's size"),
        (Version((1.0, 1.25), True), "at 1 and 1.25 times the network's size, mirrored"),
    ],
)
def test_version_has_a_name_and_comes_back_from_a_file(version, name):
    assert version.name == name
    assert Version.of(version.describe()) == version


def test_version_of_a_bundle_from_before_there_were_sizes():
    assert Version.of({"mirrored": True}) == Version(mirrored=True)


@pytest.mark.parametrize("sizes", [(), (1.0, 1.0), (1.0, 5.0), (1.0, 0.1), (1.0, float("nan"))])
def test_sizes_beyond_measure(sizes):
    with pytest.raises(ValueError, match="expected different numbers from 0.25 to 4"):
        check_sizes(sizes)
    with pytest.raises(ValueError, match="expected different numbers from 0.25 to 4"):
        candidates(sizes)


def test_candidates_without_the_network_s_own_size():
    with pytest.raises(ValueError, match="expected 1, the network's own size, among them. Add it"):
        candidates((1.25,))
