"""Work that a pool does for the items to come, while what is done is used."""

from collections import deque


def work_ahead(pool, function, items, most):
    """What a function gives for each item, in order, worked out by a pool for at most so many items ahead.

    Args:
        pool: concurrent.futures.Executor.
        function: of an item.
        items: iterable; taken no further than `most` items ahead, so that it may be endless.
        most: items that are worked on, or wait, beside the one whose result is asked for.

    Yields:
        The results, in the order of the items; what the function raised is raised at its place.
    """
    waiting = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) > most:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
