"""Prediction at the image's own size, a few images at a time."""

import itertools
import subprocess
import sys

import numpy as np
import pytest

from helpers.data.resize import resize_image, resize_probabilities
from helpers.inference.predict import predict_masks, predict_probabilities, threshold_masks

SHAPE = (32, 64)
BUNDLE = {"input_shape": list(SHAPE), "channels": 1, "mirrored": False}


class BrightModel:
    """Takes the brightness of a pixel for the probability of class 1, and its darkness for that of class 2."""

    def __init__(self):
        self.batches = []

    def predict_on_batch(self, batch):
        """Probabilities (batch, height, width, 2) of images in [0, 1]."""
        self.batches.append(batch)
        return np.concatenate([batch, 1 - batch], axis=-1)


def image_of(number, shape=SHAPE):
    """A grey image that differs for each number."""
    return np.random.default_rng(number).integers(0, 256, (*shape, 1), dtype=np.uint8)


def test_predict_probabilities_at_the_network_s_size():
    """Nothing is resized: the image's grey values come back as fractions."""
    (found,) = predict_probabilities(BrightModel(), BUNDLE, [image_of(1)])
    assert (found.shape, found.dtype) == ((32, 64, 2), np.float32)
    np.testing.assert_allclose(found[..., 0], image_of(1)[..., 0] / 255, rtol=1e-6)
    np.testing.assert_allclose(found[..., 1], 1 - image_of(1)[..., 0] / 255, atol=1e-6)


def test_predict_probabilities_of_images_of_different_sizes():
    """Each goes through the network at its size and comes back at its own."""
    images = [image_of(number, shape) for number, shape in enumerate([(32, 64), (20, 50), (64, 128), (32, 65)])]
    model = BrightModel()
    found = list(predict_probabilities(model, BUNDLE, images))
    assert [probabilities.shape for probabilities in found] == [(*image.shape[:2], 2) for image in images]
    assert [batch.shape for batch in model.batches] == [(4, 32, 64, 1)]
    for image, probabilities in zip(images, found, strict=True):
        bright = resize_image(image, SHAPE)[..., :1].astype(np.float32) / 255
        np.testing.assert_allclose(probabilities[..., :1], resize_probabilities(bright, image.shape[:2]), atol=1e-6)


@pytest.mark.parametrize(
    ("images", "batch_size", "sizes"),
    [
        (5, 2, [2, 2, 1]),  # a short last batch
        (4, 2, [2, 2]),  # none
        (1, 8, [1]),
        (3, 1, [1, 1, 1]),
        (0, 4, []),
    ],
)
def test_predict_probabilities_in_batches(images, batch_size, sizes):
    """Every image once and in order, however they fall into batches."""
    model = BrightModel()
    found = list(predict_probabilities(model, BUNDLE, map(image_of, range(images)), batch_size))
    assert [len(batch) for batch in model.batches] == sizes
    assert len(found) == images
    for number, probabilities in enumerate(found):
        np.testing.assert_allclose(probabilities[..., 0], image_of(number)[..., 0] / 255, rtol=1e-6)


def test_predict_probabilities_reads_no_further_than_a_batch():
    """Endlessly many images fit into memory: only those of one batch are read before their results."""
    read = []

    def images():
        for number in itertools.count():
            read.append(number)
            yield image_of(number)

    model = BrightModel()
    found = predict_probabilities(model, BUNDLE, images(), batch_size=3)
    assert read == []
    next(found)
    assert read == [0, 1, 2]
    next(found), next(found)
    assert read == [0, 1, 2]
    next(found)
    assert read == [0, 1, 2, 3, 4, 5]
    assert len(model.batches) == 2


def test_predict_probabilities_scales_to_fractions():
    """Black is 0, white 1, in single precision."""
    model = BrightModel()
    white, black = np.full((32, 64, 1), 255, np.uint8), np.zeros((32, 64, 1), np.uint8)
    list(predict_probabilities(model, BUNDLE, [white, black]))
    (batch,) = model.batches
    assert batch.dtype == np.float32
    assert (batch[0].min(), batch[1].max()) == (1, 0)


@pytest.mark.parametrize(
    ("image", "got"),
    [
        (np.zeros((32, 64), np.uint8), r"shape \(32, 64\) and uint8"),  # no axis of channels
        (np.zeros((32, 64, 3), np.uint8), r"shape \(32, 64, 3\) and uint8"),  # colour for a grey network
        (np.zeros((32, 64, 1), np.float32), r"shape \(32, 64, 1\) and float32"),  # already divided by 255
        (np.zeros((1, 32, 64, 1), np.uint8), r"shape \(1, 32, 64, 1\) and uint8"),  # a batch
    ],
)
def test_predict_probabilities_of_something_else(image, got):
    """The message says what an image is."""
    with pytest.raises(ValueError, match=rf"{got}, expected \(height, width, 1\) and uint8"):
        list(predict_probabilities(BrightModel(), BUNDLE, [image]))


@pytest.mark.parametrize("batch_size", [0, -2])
def test_predict_probabilities_in_batches_of_nothing(batch_size):
    """They would never be full, and hold all images."""
    with pytest.raises(ValueError, match=f"batch_size: got {batch_size}, expected 1 or more"):
        next(predict_probabilities(BrightModel(), BUNDLE, [image_of(0)], batch_size))


def test_predict_probabilities_of_a_network_that_gives_nan():
    """Taken for masks they would be empty, and score as well as predicting nothing."""

    class Broken:
        def predict_on_batch(self, batch):
            return np.full((*batch.shape[:3], 2), np.nan, np.float32)

    with pytest.raises(ValueError, match="the network gives NaN.*lower learning rate"):
        next(predict_probabilities(Broken(), BUNDLE, [image_of(0)]))


class CornerModel(BrightModel):
    """Sees more at the top left: the brightness there, a half of it at the right, and a third at the bottom."""

    def predict_on_batch(self, batch):
        """Probabilities (batch, height, width, 1)."""
        weights = np.ones(batch.shape[1:3], np.float32)
        weights[:, batch.shape[2] // 2 :] /= 2
        weights[batch.shape[1] // 2 :] /= 3
        return batch * weights[..., np.newaxis]


def test_mirrored_predictions_are_the_mean_over_the_four_mirror_images():
    """Each quarter of the image is seen once in each corner: 1, 1/2, 1/3 and 1/6 have a mean of a half."""
    (plain,) = predict_probabilities(CornerModel(), BUNDLE, [image_of(1)])
    (found,) = predict_probabilities(CornerModel(), BUNDLE | {"mirrored": True}, [image_of(1)])
    assert found.dtype == np.float32 and not np.allclose(plain, found, atol=0.05)
    np.testing.assert_allclose(found, image_of(1) / 255 / 2, atol=1e-6)


class PlacesModel:
    """A network whose classes each tell another number at each pixel, so that any mirror image is told apart."""

    def __init__(self, classes):
        self._given = np.random.default_rng(0).random((1, *SHAPE, classes), np.float32)

    def predict_on_batch(self, batch):
        """The same for each image (batch, height, width, classes)."""
        return np.repeat(self._given, len(batch), axis=0)


@pytest.mark.parametrize("classes", [1, 3, 4, 130])
def test_mirrored_predictions_are_turned_back(classes):
    model = PlacesModel(classes)
    (plain,) = predict_probabilities(model, BUNDLE, [image_of(1)])
    (found,) = predict_probabilities(model, BUNDLE | {"mirrored": True}, [image_of(1)])
    turned = [plain, plain[::-1], plain[:, ::-1], plain[::-1, ::-1]]
    np.testing.assert_allclose(found, np.mean(turned, axis=0), atol=1e-6)


@pytest.mark.parametrize("mirrored", [False, True])
def test_predictions_at_several_sizes_are_the_mean_at_the_network_s_size(mirrored, monkeypatch):
    """The image is scaled for each size, and what comes back is brought to the network's size before the mean."""
    asked = []
    monkeypatch.setattr(
        "helpers.models.build.any_size_twin", lambda model, name, given: asked.append((name, given)) or model
    )
    bundle = BUNDLE | {"sizes": [1.0, 1.5], "mirrored": mirrored, "architecture": "any", "arguments": {"channels": 1}}
    model, image = BrightModel(), image_of(3, (60, 90))
    (found,) = predict_probabilities(model, bundle, [image])
    assert asked == [("any", {"channels": 1})]
    passes = 4 if mirrored else 1
    assert sorted(batch.shape[1:3] for batch in model.batches) == [(32, 64)] * passes + [(48, 96)] * passes
    seen = [resize_image(image, shape).astype(np.float32) / 255 for shape in ((32, 64), (48, 96))]
    expected = (seen[0] + resize_probabilities(seen[1], SHAPE)) / 2
    np.testing.assert_allclose(found[..., :1], resize_probabilities(expected, (60, 90)), atol=1e-6)


def test_predict_masks_fills_the_holes_that_the_bundle_says():
    """A bright ring on a dark ground; the network's second class sees the dark."""
    image = np.zeros((12, 12, 1), np.uint8)
    image[2:8, 2:8] = 255
    image[4:6, 4:6] = 0
    bundle = BUNDLE | {"input_shape": [12, 12], "thresholds": [0.5, 0.5], "smallest_masks": [0.0, 0.0]}
    (plain,) = predict_masks(BrightModel(), bundle, [image])
    assert plain.sum(axis=(0, 1)).tolist() == [32, 112]
    (filled,) = predict_masks(BrightModel(), bundle | {"filled": [True, False]}, [image])
    assert filled.sum(axis=(0, 1)).tolist() == [36, 112]


def test_predict_masks_takes_the_bundle_s_decisions():
    """Bright half: class 1 from 0.6, believed; dark half: class 2, too small to be believed."""
    image = np.zeros((10, 10, 1), np.uint8)
    image[:9] = 180
    bundle = BUNDLE | {"input_shape": [10, 10], "thresholds": [0.6, 0.9], "smallest_masks": [0.5, 0.2]}
    (masks,) = predict_masks(BrightModel(), bundle, [image])
    assert masks.dtype == np.uint8
    assert masks[..., 0].sum() == 90 and not masks[..., 1].any()
    (masks,) = predict_masks(BrightModel(), bundle | {"smallest_masks": [0.95, 0.1]}, [image])
    assert not masks[..., 0].any() and masks[..., 1].sum() == 10


@pytest.mark.parametrize(
    ("probability", "threshold", "expected"),
    [
        (0.5, 0.5, 1),  # reached
        (0.4999, 0.5, 0),
        (0.0, 0.0, 1),  # everything
        (1.0, 1.0, 1),
        (0.9999, 1.0, 0),
        (0.3, 0.3, 1),  # a number that binary fractions only come near to
    ],
)
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_threshold_masks_at_the_threshold(probability, threshold, expected, kind):
    """From the threshold on a pixel counts, in single and in double precision."""
    masks = threshold_masks(np.full((1, 1, 1), probability, kind), [threshold])
    assert masks.dtype == np.uint8
    assert masks.tolist() == [[[expected]]]


def test_threshold_masks_of_each_class_by_its_own():
    """The same probabilities, three thresholds."""
    probabilities = np.repeat(np.array([[[0.2], [0.5], [0.8]]], np.float32), 3, axis=-1)
    masks = threshold_masks(probabilities, [0.1, 0.5, 0.9])
    assert masks[0].T.tolist() == [[1, 1, 1], [0, 1, 1], [0, 0, 0]]


@pytest.mark.parametrize("thresholds", [[0.5], [0.5, 0.5], 0.5, []])
def test_threshold_masks_with_another_number_of_thresholds(thresholds):
    """One for each of three classes, not one for all."""
    with pytest.raises(ValueError, match="for 3 classes, expected one for each"):
        threshold_masks(np.zeros((2, 2, 3), np.float32), thresholds)


@pytest.mark.parametrize("module", ["predict", "evaluate", "submission", "stream", "export"])
def test_inference_does_not_load_tensorflow(module):
    """It takes seconds, and a submission is read without a network."""
    code = f"import sys, helpers.inference.{module}; sys.exit(bool({{'tensorflow', 'keras'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_predict_masks_behind_a_gate_asks_in_batches():
    """Images that the classifier takes for clean need a larger mask; it is asked for a batch at a time."""
    bundle = BUNDLE | {
        "thresholds": [0.5, 0.5], "smallest_masks": [0.0, 0.0], "gates": [0.5, 0.5],
        "smallest_masks_clean": [2.0, 0.0], "classifier": "sure",
    }  # fmt: skip
    images, asked = [image_of(number) for number in range(5)], []

    def state(batch):
        asked.append(len(batch))
        return np.array([0.9 if np.array_equal(image, images[1]) else 0.1 for image in batch])

    found = list(predict_masks(BrightModel(), bundle, iter(images), 2, state))
    assert asked == [2, 2, 1]
    for number, (image, masks) in enumerate(zip(images, found, strict=True)):
        bright = image[..., 0] / np.float32(255) >= 0.5
        np.testing.assert_array_equal(masks[..., 0].astype(bool), bright if number == 1 else np.zeros_like(bright))
        assert masks[..., 1].any()
    with pytest.raises(ValueError, match="the bundle asks the classifier 'sure' first"):
        next(predict_masks(BrightModel(), bundle, images))


def test_predict_refuses_a_classifier_s_bundle():
    with pytest.raises(ValueError, match="the bundle gives defect, expected masks"):
        next(predict_probabilities(BrightModel(), BUNDLE | {"target": "defect"}, [image_of(0)]))
