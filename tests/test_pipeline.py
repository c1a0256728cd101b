"""Images in a stream: the same runs as one at a time, in order, whatever happens to some of them."""

import itertools
import threading

import numpy as np
import pytest

from helpers.data.resize import resize_probabilities
from helpers.inference.pipeline import Predicted, decide_runs, predict_in_stream
from helpers.inference.predict import predict_masks, threshold_masks
from helpers.inference.tuning import Decisions
from helpers.rle import mask2rle

SHAPE = (16, 32)
BUNDLE = {
    "input_shape": list(SHAPE), "channels": 1, "mirrored": True, "thresholds": [0.7, 0.95],
    "smallest_masks": [0.0, 0.02], "filled": [False, True],
}  # fmt: skip


class BrightModel:
    """Takes the brightness of a pixel for the probability of class 1, and its darkness for that of class 2."""

    def predict_on_batch(self, batch):
        """Probabilities (batch, height, width, 2) of images in [0, 1]."""
        return np.concatenate([batch, 1 - batch], axis=-1)


def image_of(number, shape=SHAPE):
    """A grey image that differs for each number; every third one is grey all over, so that nothing is found."""
    if number % 3 == 2:
        return np.full((*shape, 1), 120, np.uint8)
    small = np.random.default_rng(number).integers(0, 256, (4, 8), dtype=np.uint8)
    return np.kron(small, np.ones((shape[0] // 4, shape[1] // 8), np.uint8))[..., np.newaxis]


def runs_one_by_one(images, bundle=BUNDLE, state=None):
    """What `predict_masks` gives, encoded."""
    masks = predict_masks(BrightModel(), bundle, images, state=state)
    return [tuple(mask2rle(each[..., index]) for index in range(2)) for each in masks]


def stream(items, read=image_of, **settings):
    return list(predict_in_stream(BrightModel(), settings.pop("bundle", BUNDLE), items, read, **settings))


@pytest.mark.parametrize(("images", "batch_size"), [(0, 4), (1, 4), (9, 4), (8, 4), (40, 3)])
def test_predict_in_stream_gives_the_runs_of_each_image_in_order(images, batch_size):
    found = stream(range(images), batch_size=batch_size)
    assert [each.item for each in found] == list(range(images))
    assert [each.runs for each in found] == runs_one_by_one(map(image_of, range(images)))
    assert all(each.shape == SHAPE and not each.problem for each in found)
    assert not images or any(found[0].runs)


def test_predict_in_stream_tells_the_highest_probability_of_each_class():
    (found,) = stream([2])
    assert found.highest == pytest.approx((120 / 255, 135 / 255))


def test_predict_in_stream_at_the_images_own_sizes():
    shapes = [(16, 32), (32, 64), (64, 32), (16, 32)]
    found = stream(range(4), lambda number: image_of(number, shapes[number]))
    assert [each.shape for each in found] == shapes
    assert [each.runs for each in found] == runs_one_by_one(image_of(*pair) for pair in enumerate(shapes))


def test_predict_in_stream_hands_unreadable_images_on():
    def read(number):
        if number in (1, 6):
            raise ValueError(f"image {number} is none")
        if number in (4, 5):  # a whole batch, with the one after it
            raise FileNotFoundError("it went away")
        return image_of(number)

    found = stream(range(8), read, batch_size=2)
    assert found[1] == Predicted(1, problem="image 1 is none")
    assert [each.problem for each in found[4:7]] == ["it went away", "it went away", "image 6 is none"]
    good = [0, 2, 3, 7]
    assert [found[number].runs for number in good] == runs_one_by_one(map(image_of, good))


def test_predict_in_stream_stops_at_an_error_of_its_own():
    """Another kind of image than the network takes is no fault of a single file."""
    with pytest.raises(ValueError, match=r"expected \(height, width, 1\) and uint8"):
        stream(range(3), lambda number: np.zeros((16, 32, 3), np.uint8))


def test_predict_in_stream_of_endless_images_reads_a_few_ahead():
    taken = []

    def items():
        for number in itertools.count():
            taken.append(number)
            yield number

    found = predict_in_stream(BrightModel(), BUNDLE, items(), image_of, batch_size=2)
    for number in range(50):
        assert next(found).item == number
        assert len(taken) <= number + 14
    found.close()


def test_predict_in_stream_reads_while_the_network_works():
    """The network ends its first batch only once an image of the next one is being read."""
    begun = threading.Event()

    class WaitingModel(BrightModel):
        def predict_on_batch(self, batch):
            assert begun.wait(timeout=30)
            return super().predict_on_batch(batch)

    def read(number):
        if number >= 2:
            begun.set()
        return image_of(number)

    found = predict_in_stream(WaitingModel(), BUNDLE, range(6), read, batch_size=2)
    assert [each.item for each in found] == list(range(6))


def test_predict_in_stream_behind_a_gate():
    """Images that the classifier takes for clean need a larger mask."""
    gated = BUNDLE | {"gates": [0.5, 0.5], "smallest_masks_clean": [2.0, 0.0], "classifier": "sure"}

    def state(images):
        return np.array([0.9 if np.array_equal(image, image_of(1)) else 0.1 for image in images])

    found = stream(range(5), bundle=gated, state=state, batch_size=2)
    assert [each.runs for each in found] == runs_one_by_one(map(image_of, range(5)), gated, state)
    assert found[1].runs[0] and not found[0].runs[0]
    with pytest.raises(ValueError, match="the bundle asks the classifier 'sure' first"):
        stream(range(5), bundle=gated)


@pytest.mark.parametrize("shape", [(16, 32), (32, 64), (37, 50), (9, 20)])
@pytest.mark.parametrize("filled", [(), (True, False, True)])
def test_decide_runs_are_those_of_whole_masks(shape, filled):
    """Also at thresholds that the highest probability just reaches."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        probabilities = rng.random((16, 32, 3), np.float32) * np.float32([1, 0.5, 0.9])
        highest = probabilities.max(axis=(0, 1))
        decisions = Decisions((0.8, 0.6, float(highest[2])), (0.0, 0.0, 0.0), (), (), filled)
        smallest = np.array([0.0, 0.0, rng.choice([0.0, 0.01])])
        masks = threshold_masks(resize_probabilities(probabilities, shape), decisions.thresholds, smallest, filled)
        runs, found = decide_runs(probabilities, shape, decisions, smallest)
        assert runs == tuple(mask2rle(masks[..., index]) for index in range(3))
        assert found == tuple(highest.tolist())
