"""Images in a stream: the same runs as one at a time, in order, whatever happens to some of them."""

import itertools
import threading

import numpy as np
import pytest

from helpers.inference.detector import Detector
from helpers.inference.predict import predict_masks
from helpers.inference.reading import UnreadableError
from helpers.inference.stream import AHEAD, Streamed, detect_in_stream
from helpers.rle import mask2rle
from tiny_models import BrightEngine

SHAPE = (16, 32)
BUNDLE = {
    "input_shape": list(SHAPE), "channels": 1, "class_names": ["bright", "dark"], "mirrored": True,
    "thresholds": [0.7, 0.95], "smallest_masks": [0.0, 0.02], "filled": [False, True],
}  # fmt: skip


def image_of(number, shape=SHAPE):
    """A grey image that differs for each number; every third one is grey all over, so that nothing is found."""
    if number % 3 == 2:
        return np.full((*shape, 1), 120, np.uint8)
    small = np.random.default_rng(number).integers(0, 256, (4, 8), dtype=np.uint8)
    return np.kron(small, np.ones((shape[0] // 4, shape[1] // 8), np.uint8))[..., np.newaxis]


def runs_one_by_one(images, bundle=BUNDLE, state=None):
    """What `predict_masks` gives, encoded."""
    masks = predict_masks(BrightEngine(), bundle, images, state=state)
    return [tuple(mask2rle(each[..., index]) for index in range(2)) for each in masks]


def detector_of(bundle=BUNDLE, engine=None, **settings):
    return Detector(engine or BrightEngine(), bundle, **settings)


def stream(items, read=image_of, **settings):
    return list(detect_in_stream(detector_of(**settings), items, read))


def runs_of(streamed):
    return tuple(each.runs for each in streamed.result)


@pytest.mark.parametrize(("images", "batch_size"), [(0, 4), (1, 4), (9, 4), (8, 4), (40, 3)])
def test_detect_in_stream_gives_the_runs_of_each_image_in_order(images, batch_size):
    found = stream(range(images), batch_size=batch_size)
    assert [each.item for each in found] == list(range(images))
    assert [runs_of(each) for each in found] == runs_one_by_one(map(image_of, range(images)))
    assert not any(each.problem for each in found)
    assert not images or any(runs_of(found[0]))


def test_detect_in_stream_tells_the_highest_probability_of_each_class():
    (found,) = stream([2])
    assert [each.probability for each in found.result] == pytest.approx([120 / 255, 135 / 255])


def test_detect_in_stream_at_the_images_own_sizes():
    shapes = [(16, 32), (32, 64), (64, 32), (16, 32)]
    found = stream(range(4), lambda number: image_of(number, shapes[number]))
    assert [each.result[0].mask.shape for each in found] == shapes
    assert [runs_of(each) for each in found] == runs_one_by_one(image_of(*pair) for pair in enumerate(shapes))


def test_detect_in_stream_hands_unreadable_images_on():
    def read(number):
        if number in (1, 6):
            raise ValueError(f"image {number} is none")
        if number in (4, 5):  # a whole batch, with the one after it
            raise FileNotFoundError("it went away")
        return image_of(number)

    found = stream(range(8), read, batch_size=2)
    assert found[1] == Streamed(1, problem="image 1 is none")
    assert [each.problem for each in found[4:7]] == ["it went away", "it went away", "image 6 is none"]
    good = [0, 2, 3, 7]
    assert [runs_of(found[number]) for number in good] == runs_one_by_one(map(image_of, good))


def test_detect_in_stream_hands_on_what_fails_without_a_word():
    """As a time that ran out does."""

    def read(number):
        if number == 1:
            raise TimeoutError
        return image_of(number)

    assert [each.problem for each in stream(range(3), read)] == ["", "TimeoutError", ""]


def test_detect_in_stream_stops_at_errors_that_are_none_of_reading():
    def read(number):
        raise ValueError("no such protocol")

    with pytest.raises(ValueError, match="no such protocol"):
        list(detect_in_stream(detector_of(), range(3), read, unreadable=UnreadableError))


def test_detect_in_stream_stops_at_an_error_of_its_own():
    """Another kind of image than the network takes is no fault of a single file."""
    with pytest.raises(ValueError, match=r"expected \(height, width, 1\) and uint8"):
        stream(range(3), lambda number: np.zeros((16, 32, 3), np.uint8))


def test_detect_in_stream_of_endless_images_reads_a_few_ahead():
    taken = []

    def items():
        for number in itertools.count():
            taken.append(number)
            yield number

    found = detect_in_stream(detector_of(batch_size=2), items(), image_of)
    for number in range(50):
        assert next(found).item == number
        assert len(taken) <= number + 2 * (AHEAD + 1) + 2
    found.close()


def test_detect_in_stream_reads_while_the_network_works():
    """The network ends its first batch only once an image of the next one is being read."""
    begun = threading.Event()

    class WaitingModel(BrightEngine):
        def predict_on_batch(self, batch):
            assert begun.wait(timeout=30)
            return super().predict_on_batch(batch)

    def read(number):
        if number >= 2:
            begun.set()
        return image_of(number)

    found = detect_in_stream(detector_of(engine=WaitingModel(), batch_size=2), range(6), read)
    assert [each.item for each in found] == list(range(6))


def test_detect_in_stream_behind_a_gate():
    """Images that the classifier takes for clean need a larger mask."""
    gated = BUNDLE | {"gates": [0.5, 0.5], "smallest_masks_clean": [2.0, 0.0], "classifier": "sure"}

    def state(images):
        return np.array([0.9 if np.array_equal(image, image_of(1)) else 0.1 for image in images])

    found = stream(range(5), bundle=gated, state=state, batch_size=2)
    assert [runs_of(each) for each in found] == runs_one_by_one(map(image_of, range(5)), gated, state)
    assert runs_of(found[1])[0] and not runs_of(found[0])[0]
    with pytest.raises(ValueError, match="the bundle asks the classifier 'sure' first"):
        stream(range(5), bundle=gated)


def test_detect_in_stream_lets_others_use_what_was_found_in_threads():
    """Each is given its own image."""

    def use(item, image, detections):
        assert threading.current_thread() is not threading.main_thread()
        assert np.array_equal(image, image_of(item))
        return item, detections[0].runs

    found = list(detect_in_stream(detector_of(), range(20), image_of, use))
    assert [each.result for each in found] == [
        (number, runs[0]) for number, runs in enumerate(runs_one_by_one(map(image_of, range(20))))
    ]


def test_large_images_go_one_after_the_other(monkeypatch):
    """None is read before the one before it was used, and the results are the same."""
    monkeypatch.setattr("helpers.inference.stream.HELD", SHAPE[0] * SHAPE[1] - 1)
    read, used = [], []

    def note(number):
        read.append(number)
        return image_of(number)

    for each in detect_in_stream(detector_of(batch_size=1), range(6), note):
        used.append(each)
        assert len(read) == len(used)
    assert [runs_of(each) for each in used] == runs_one_by_one(map(image_of, range(6)))
