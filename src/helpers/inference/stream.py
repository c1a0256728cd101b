"""Images through a detector in a stream: they are read, and their masks made and encoded, while the network works."""

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from helpers.data.problems import one_line
from helpers.inference.ahead import work_ahead
from helpers.inference.detector import BATCHES_AHEAD

THREADS = min(8, os.cpu_count() or 1)
AHEAD = 15  # images that are read, or whose masks are made, while the network works
HELD = 2**26  # values of these images together; larger ones go one after the other


@dataclass(frozen=True)
class Streamed:
    """What came of one image.

    Attributes:
        item: what the image was read from.
        result: what was made of it: a tuple of `helpers.inference.detector.Detection`, or what `use` gave; None where
            the image couldn't be read.
        problem: why it couldn't; "" where it could.
    """

    item: object
    result: object = None
    problem: str = ""


def detect_in_stream(detector, items, read, use=None, unreadable=(ValueError, OSError)):
    """Find the defects in any number of images, one after the other; a few of them are held at a time.

    What can't be read is handed on when the images before it are, so that a long row of it waits for the next image.

    Args:
        detector: `helpers.inference.detector.Detector`.
        items: iterable of what images are read from, such as paths; taken as far ahead as images are read.
        read: function of an item that gives its image as uint8 array (height, width, channels); called in threads.
        use: function of (item, image, detections) that makes something of what was found, in threads; None takes the
            detections themselves.
        unreadable: kinds of error of `read` at which an item is handed on with the reason, and the others go on.

    Yields:
        `Streamed` of each item, in order.

    Raises:
        ValueError: an image is of another kind than the network takes, or the network gives NaN. Other errors of `read`
            and `use` are raised as they are.
    """
    waiting = deque()  # (item, image, problem) of what was read and isn't given yet; the image is None with a problem
    largest = 0  # values of an image, of those read so far

    def room():
        return min(AHEAD, HELD // largest) if largest else 0

    def read_one(item):
        try:
            return item, read(item), ""
        except unreadable as error:
            return item, None, one_line(error) or type(error).__name__

    def images(pool):
        nonlocal largest
        for found in work_ahead(pool, read_one, items, room):
            waiting.append(found)
            if not found[2]:
                largest = max(largest, found[1].size)
                yield found[1]

    def in_order(pool):
        for seen in detector.see_ahead(images(pool), lambda: min(BATCHES_AHEAD, room())):
            while waiting[0][2]:
                yield *waiting.popleft(), None
            yield *waiting.popleft(), seen
        while waiting:
            yield *waiting.popleft(), None

    def decide(answer):
        item, image, problem, seen = answer
        if problem:
            return Streamed(item, problem=problem)
        detections = detector.decide(seen)
        return Streamed(item, detections if use is None else use(item, image, detections))

    with ThreadPoolExecutor(THREADS, thread_name_prefix="steel") as pool:
        yield from work_ahead(pool, decide, in_order(pool), room)
