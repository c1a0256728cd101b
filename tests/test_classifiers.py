"""Networks that answer for whole images, and what they learn from masks."""

import keras
import numpy as np
import pytest

from helpers.models.build import build_model
from helpers.models.classifiers import LAST_FEATURES
from helpers.models.describe import describe_layers
from helpers.models.targets import TARGETS, DefectAuc

# Three images of two classes: both, the second alone, none.
MASKS = np.zeros((3, 4, 6, 2), np.uint8)
MASKS[0, 1, 2, 0] = MASKS[0, 3, 5, 1] = MASKS[1, 0, 0, 1] = 1


@pytest.mark.parametrize(
    ("target", "labels", "names"),
    [
        ("defect", [[1], [1], [0]], ["defect"]),
        ("defect and classes", [[1, 1, 1], [1, 0, 1], [0, 0, 0]], ["defect", "pits", "cracks"]),
    ],
)
def test_answers_of_masks(target, labels, names):
    """One pixel is enough; as many answers as names."""
    found = np.asarray(TARGETS[target].labels(MASKS))
    np.testing.assert_array_equal(found, np.reshape(labels, (3, 1, 1, -1)))
    assert TARGETS[target].outputs(["pits", "cracks"]) == names


def test_defect_auc_looks_at_the_first_answer():
    """The others may be as wrong as they like; half where it can't tell."""
    true = np.reshape([[1, 0], [1, 0], [0, 1], [0, 1]], (4, 1, 1, 2)).astype("float32")
    for first, expected in (([0.9, 0.8, 0.2, 0.1], 1.0), ([0.1, 0.2, 0.8, 0.9], 0.0), ([0.5] * 4, 0.5)):
        auc = DefectAuc()
        auc.update_state(true, np.reshape(np.transpose([first, [1.0, 1, 0, 0]]), (4, 1, 1, 2)))
        assert float(auc.result()) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("name", ["classifier_small", "classifier_resnet50"])
@pytest.mark.parametrize("channels", [1, 3])
def test_classifiers_give_an_answer_for_each_image(name, channels):
    """At one place, between 0 and 1, and not the same for all."""
    model = build_model(name, (32, 64), 3, channels=channels)
    found = model.predict_on_batch(np.random.default_rng(0).random((4, 32, 64, channels), np.float32))
    assert found.shape == (4, 1, 1, 3) and found.dtype == np.float32
    assert 0 <= found.min() <= found.max() <= 1 and np.ptp(found[..., 0]) > 0
    assert len(model.get_layer(LAST_FEATURES).output.shape) == 4


def test_classifier_small_takes_images_of_any_size():
    """The same weights."""
    model, free = (build_model("classifier_small", shape, 2, widths=(8, 8), depths=(0, 1)) for shape in
                   ((40, 56), (None, None)))  # fmt: skip
    free.set_weights(model.get_weights())
    images = np.random.default_rng(0).random((2, 40, 56, 1), np.float32)
    np.testing.assert_allclose(free.predict_on_batch(images), model.predict_on_batch(images), atol=1e-6)
    assert free.predict_on_batch(images[:, :33, :17]).shape == (2, 1, 1, 2)


def test_classifier_small_sees_a_few_pixels_in_a_long_strip():
    """A change of one pixel in 25,000 moves the largest features by more than the mean ones."""
    keras.utils.set_random_seed(1)
    model = build_model("classifier_small", (64, 400), 1)
    heads = keras.Model(model.input, [model.get_layer("largest").output, model.get_layer("mean").output])
    image = np.full((1, 64, 400, 1), 0.5, np.float32)
    changed = image.copy()
    changed[0, 30, 200] = 1
    largest, mean = (np.abs(after - before).max() for before, after in
                     zip(heads.predict_on_batch(image), heads.predict_on_batch(changed), strict=True))  # fmt: skip
    assert largest > 3 * mean


def test_classifier_resnet50_has_the_published_layers():
    """ResNet50 with Keras's own number of weights without its top, an average, and two dense layers."""
    model = build_model("classifier_resnet50", (64, 64), 1, channels=3)
    assert model.get_layer("resnet50").count_params() == 23_587_712
    kinds = [layer["kind"] for layer in describe_layers(model)][-3:]
    assert kinds == ["GlobalAveragePooling2D", "Dense", "Dense"]
    assert [model.get_layer(name).units for name in ("dense", "probabilities")] == [256, 1]


@pytest.mark.parametrize(
    ("name", "shape", "arguments", "match"),
    [
        ("classifier_resnet50", (16, 64), {}, "shape: got 16 x 64; expected at least 32"),
        ("classifier_resnet50", (64, 64), {"dense": 0}, r"dense: got \[0\]"),
        ("classifier_small", (64, 64), {"widths": (8,)}, "widths, depths: got 1 and 4 numbers"),
        ("classifier_small", (64, 64), {"grey_deviation": -1.0}, "grey_mean, grey_deviation"),
    ],
)
def test_classifiers_of_wrong_numbers(name, shape, arguments, match):
    with pytest.raises(ValueError, match=match):
        build_model(name, shape, 2, **arguments)
