"""Work ahead: in order, no further than asked, errors at their place."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest

from helpers.inference.ahead import on_all_cores, work_ahead


def test_work_ahead_keeps_the_order_and_takes_no_more_than_asked():
    taken = []

    def items():
        for number in itertools.count():
            taken.append(number)
            yield number

    with ThreadPoolExecutor(4) as pool:
        found = work_ahead(pool, lambda number: number**2, items(), 3)
        assert [next(found) for _ in range(5)] == [0, 1, 4, 9, 16]
    assert taken == list(range(8))  # the five that were asked for, and three ahead


def test_work_ahead_of_fewer_items_than_that():
    with ThreadPoolExecutor(2) as pool:
        assert list(work_ahead(pool, str, range(2), 9)) == ["0", "1"]
        assert list(work_ahead(pool, str, [], 9)) == []


def test_work_ahead_raises_at_the_place_of_the_item():
    with ThreadPoolExecutor(2) as pool:
        found = work_ahead(pool, lambda number: 6 // number, [3, 0, 2], 2)
        assert next(found) == 2
        with pytest.raises(ZeroDivisionError):
            next(found)


def test_on_all_cores_keeps_the_order_and_raises_what_the_function_raised():
    assert list(on_all_cores(lambda number: number**2, range(100))) == [number**2 for number in range(100)]
    assert list(on_all_cores(str, [])) == []
    found = on_all_cores(lambda number: 6 // number, [3, 0, 2])
    assert next(found) == 2
    with pytest.raises(ZeroDivisionError):
        next(found)


def test_work_ahead_asks_anew_how_far():
    """With no room at all each result is waited for; with more, items are taken ahead."""
    room, taken = [0], []

    def items():
        for number in range(6):
            taken.append(number)
            yield number

    with ThreadPoolExecutor(2) as pool:
        found = work_ahead(pool, str, items(), lambda: room[0])
        assert next(found) == "0" and taken == [0]
        room[0] = 2
        assert next(found) == "1" and taken == [0, 1, 2, 3]
        assert list(found) == ["2", "3", "4", "5"]
