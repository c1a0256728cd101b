"""Work that a pool does for the items to come, while what is done is used."""

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor


def work_ahead(pool, function, items, most):
    """What a function gives for each item, in order, worked out by a pool for at most so many items ahead.

    Args:
        pool: concurrent.futures.Executor.
        function: of an item.
        items: iterable; taken no further than `most` items ahead, so that it may be endless.
        most: items that are worked on, or wait, beside the one whose result is asked for; or a function that gives
            that number, asked anew for each item.

    Yields:
        The results, in the order of the items; what the function raised is raised at its place.
    """
    waiting, room = deque(), most if callable(most) else lambda: most
    for item in items:
        waiting.append(pool.submit(function, item))
        while len(waiting) > room():
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def on_all_cores(function, items):
    """What a function gives for each item, in order, worked out by a thread for each core.

    Args:
        function: of an item; worth it where it is in NumPy or OpenCV most of the time.
        items: iterable, taken a few items ahead.

    Yields:
        The results, in the order of the items.
    """
    cores = os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as pool:
        yield from work_ahead(pool, function, items, 2 * cores)
