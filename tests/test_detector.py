"""The model as a library: the same masks as the bundle's decisions make, for images of any size and from any thread."""

import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from helpers.data.resize import resize_probabilities
from helpers.inference import Detector
from helpers.inference.detector import Seen
from helpers.inference.predict import bundle_decisions, predict_masks, predict_probabilities, threshold_masks
from helpers.inference.tiles import plan_tiles
from helpers.inference.tuning import Decisions
from helpers.models.build import build_model
from helpers.models.bundle import load_bundle, save_bundle, write_decisions
from helpers.models.bundle_file import read_bundle
from helpers.rle import mask2rle
from tiny_models import SHAPE, BrightEngine, tiny_bundle


def image_of(number, shape=SHAPE):
    """A grey image that differs for each number."""
    return np.random.default_rng(number).integers(0, 256, (*shape, 1), dtype=np.uint8)


@pytest.fixture
def make(tmp_path):
    """A function that makes a detector of a bundle with some changes."""

    def make(state=None, batch_size=8, image_shape=None, **changes):
        bundle = read_bundle(tiny_bundle(tmp_path / "bundle", **changes))
        return Detector(BrightEngine(), bundle, state=state, batch_size=batch_size, image_shape=image_shape)

    return make


def test_importing_the_detector_loads_no_tensorflow():
    code = (
        "import sys; from helpers.inference import Detection, Detector; import helpers.inference.many, helpers.cli; "
        "sys.exit(bool({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=300).returncode == 0


def test_the_package_has_no_other_names():
    import helpers.inference

    with pytest.raises(AttributeError, match="has no attribute 'Detectors'"):
        _ = helpers.inference.Detectors


def test_a_detection_tells_class_probability_mask_and_runs(make):
    """The left half is white and no pixel of it dark; the right half is black."""
    image = np.zeros((32, 64, 1), np.uint8)
    image[:, :32] = 255
    ((bright, dark),) = make(smallest_masks=[0.0, 0.6]).predict([image])
    assert (bright.class_id, bright.class_name, bright.probability, bright.pixels) == (1, "bright", 1.0, 1024)
    assert bright.runs == "1 1024" and bright.found
    assert bright.mask.dtype == np.uint8
    np.testing.assert_array_equal(bright.mask, image[..., 0] // 255)
    # Half of the image is less than the smallest mask that is believed.
    assert (dark.class_id, dark.probability, dark.pixels, dark.runs, dark.found) == (2, 1.0, 0, "", False)


@pytest.mark.parametrize("changes", [{}, {"mirrored": True}, {"sizes": [1.0, 0.5]}, {"filled": [True, False]}])
@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_predict_gives_the_masks_of_the_bundle_s_decisions(make, monkeypatch, changes, batch_size):
    """For images of the trained size, and of a size that differs by a pixel or two."""
    monkeypatch.setattr("helpers.models.build.any_size_twin", lambda model, name, arguments: model)
    images = [image_of(number, shape) for number, shape in enumerate([SHAPE, (31, 64), (32, 66), SHAPE, SHAPE])]
    detector = make(batch_size=batch_size, **changes)
    expected = predict_masks(BrightEngine(), detector.bundle, images, batch_size)
    for found, masks in zip(detector.predict(images), expected, strict=True):
        for index, detection in enumerate(found):
            np.testing.assert_array_equal(detection.mask, masks[..., index])
            assert detection.runs == mask2rle(masks[..., index])


def test_larger_images_go_in_tiles_and_give_the_same_for_a_network_that_sees_single_pixels(make):
    """Their masks are those of the image as it is, and batches are filled over the borders of images."""
    images = [image_of(1, (100, 150)), image_of(2), image_of(3, (1, 1)), image_of(4, (20, 300))]
    detector = make(batch_size=4)
    for image, (bright, dark) in zip(images, detector.predict(images), strict=True):
        grey = image[..., 0] / np.float32(255)
        np.testing.assert_array_equal(bright.mask, grey >= np.float32(0.6))
        np.testing.assert_array_equal(dark.mask, 1 - grey >= np.float32(0.9))
    assert make().predict([]) == []


def test_images_of_any_size_are_scaled_whole_where_nobody_knows_the_trained_size(make):
    image = image_of(1, (100, 150))
    detector = make(image_shape=None)
    detector.image_shape = None
    (seen,) = detector.see([image])
    assert seen.tiling.whole and seen.probabilities.shape[:2] == SHAPE
    (whole,) = predict_probabilities(BrightEngine(), detector.bundle, [image])
    found = detector.decide(seen)[0]
    assert found.probability == seen.probabilities[..., 0].max()
    np.testing.assert_array_equal(found.mask, whole[..., 0] >= np.float32(0.6))


def test_the_trained_size_can_be_told(make):
    detector = make(image_shape=(64, 128))
    (seen,) = detector.see([image_of(1, (64, 128))])
    assert seen.tiling.whole
    (seen,) = detector.see([image_of(1, (64, 256))])
    assert seen.probabilities.shape[:2] == (32, 128)


@pytest.mark.parametrize(
    ("shape", "bright", "found"),
    [
        (SHAPE, 0.30, True),  # 30 % are more than a quarter of the image
        (SHAPE, 0.20, False),
        ((64, 128), 0.10, True),  # a larger image has to show a mask no larger than those: a quarter of 32 x 64
        ((64, 128), 0.05, False),
        ((16, 32), 0.30, True),  # a smaller one a quarter of its own
        ((16, 32), 0.20, False),
    ],
)
def test_the_smallest_mask_is_that_of_the_photographs_trained_on(make, shape, bright, found):
    image = np.zeros((*shape, 1), np.uint8)
    image[:, : round(bright * shape[1])] = 255
    ((first, _),) = make(smallest_masks=[0.25, 0.0]).predict([image])
    assert first.found == found


def test_gates_ask_the_classifier_about_pieces_of_a_larger_image(make):
    """An image passes when one of its pieces looks defective; a mask may be wanted never."""
    asked = []

    def state(images):
        asked.append([image.shape for image in images])
        return np.array([0.9 if image.max() == 255 else 0.1 for image in images])

    gates = {"gates": [0.5, 0.5], "smallest_masks_clean": [2.0, 0.0], "classifier": "sure", "thresholds": [0.5, 0.5]}
    detector = make(state=state, **gates)
    clean = np.full((*SHAPE, 1), 200, np.uint8)
    large = np.full((64, 100, 1), 200, np.uint8)
    spotted = large.copy()
    spotted[60, 90] = 255
    found = detector.predict([clean, large, spotted])
    assert [bright.found for bright, _ in found] == [False, False, True]
    assert [shape for shapes in asked for shape in shapes] == [(32, 64, 1)] * 9
    with pytest.raises(ValueError, match="the bundle asks the classifier 'sure' first"):
        make(**gates)


def test_grey_images_may_lack_the_last_axis(make):
    image = image_of(1)
    ((bright, _),) = make().predict([image[..., 0]])
    ((again, _),) = make().predict([image])
    assert bright.runs == again.runs


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((*SHAPE, 3), np.uint8),
        np.zeros(SHAPE, np.float32),
        np.zeros(5, np.uint8),
        np.zeros((0, 5, 1), np.uint8),
    ],
)
def test_predict_of_something_else(make, image):
    with pytest.raises(ValueError, match=r"got an image of shape .*expected \(height, width, 1\) and uint8"):
        make().predict([image])


def test_see_reads_no_further_than_a_batch(make):
    read = []

    def images():
        for number in range(100):
            read.append(number)
            yield image_of(number)

    seen = make(batch_size=3).see(images())
    next(seen)
    assert read == [0, 1, 2]
    next(seen), next(seen), next(seen)
    assert read == [0, 1, 2, 3, 4, 5]


def test_a_detector_needs_a_batch_and_masks(make):
    with pytest.raises(ValueError, match="batch_size: got 0, expected 1 or more"):
        make(batch_size=0)
    with pytest.raises(ValueError, match="the bundle gives defect, expected masks"):
        make(target="defect")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A bundle of a narrow network with random weights, and a classifier of the same kind beside it."""
    folder = tmp_path_factory.mktemp("models")
    arguments = {"stem": 4, "widths": (8, 8), "depths": (0, 1)}
    model = build_model("steel_unet", SHAPE, 2, **arguments)
    save_bundle(
        folder / "narrow", model, architecture="steel_unet", arguments=arguments, input_shape=SHAPE, channels=1,
        class_names=["a", "b"], thresholds=[0.5, 0.5], training={}, scores={}, mirrored=True, image_shape=SHAPE,
    )  # fmt: skip
    return folder / "narrow"


def test_load_and_predict_from_threads_as_alone(trained):
    """Eight threads ask one detector for images of different sizes: each gets what it gets alone."""
    detector = Detector.load(trained, engine="keras", batch_size=2)
    assert detector.engine.name.startswith("Keras") and detector.class_names == ("a", "b")
    batches = [[image_of(number), image_of(number, (40 + number, 90))] for number in range(4)]
    expected = [detector.predict(batch) for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(detector.predict, batches * 2))
    for alone, together in zip(expected * 2, found, strict=True):
        for one, other in zip(alone, together, strict=True):
            assert [(each.probability, each.runs) for each in one] == [(each.probability, each.runs) for each in other]
    model, bundle = load_bundle(trained)
    (masks,) = predict_masks(model, bundle, [image_of(3)])
    np.testing.assert_array_equal(np.stack([each.mask for each in expected[3][0]], axis=-1), masks)


def test_load_once_takes_the_image_as_it_is_by_the_same_thresholds(trained):
    """Without a change to what the bundle says on the disk."""
    model, bundle = load_bundle(trained)
    image = image_of(3)
    for once, mirrored in ((True, False), (False, True)):
        detector = Detector.load(trained, engine="keras", once=once)
        (masks,) = predict_masks(model, bundle | {"mirrored": mirrored}, [image])
        (found,) = detector.predict([image])
        np.testing.assert_array_equal(np.stack([each.mask for each in found], axis=-1), masks)
    assert read_bundle(trained)["mirrored"]


def test_load_once_takes_the_bundle_s_decisions_for_one_pass(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "narrow")
    mean = bundle_decisions(read_bundle(trained))
    once = Decisions((0.4, 0.6), (0.0, 0.0))
    write_decisions(tmp_path / "narrow", mean, {}, once=once)
    model, bundle = load_bundle(tmp_path / "narrow")
    (masks,) = predict_masks(model, bundle | once.describe(), [image_of(3)])
    (found,) = Detector.load(tmp_path / "narrow", engine="keras", once=True).predict([image_of(3)])
    np.testing.assert_array_equal(np.stack([each.mask for each in found], axis=-1), masks)
    (others,) = predict_masks(model, bundle | {"mirrored": False}, [image_of(3)])
    assert not np.array_equal(masks, others)


class Meeting(BrightEngine):
    """Each batch waits for another one, as long as is allowed; `met` has an entry for each that was not alone."""

    def __init__(self, seconds):
        super().__init__()
        self._barrier, self._seconds, self.met = threading.Barrier(2), seconds, []

    def predict_on_batch(self, batch):
        try:
            self.met.append(self._barrier.wait(self._seconds))
        except threading.BrokenBarrierError:
            self._barrier.reset()
        return super().predict_on_batch(batch)


@pytest.mark.parametrize(("most", "seconds", "together"), [(1, 30, 4), (0, 0.05, 0)])
def test_see_ahead_has_the_next_batch_under_way(make, most, seconds, together):
    """As many as are allowed, and all come in order."""
    images, plain = [image_of(number) for number in range(8)], make(batch_size=2)
    detector = Detector(Meeting(seconds), plain.bundle, batch_size=2)
    found = list(detector.see_ahead(images, lambda: most))
    for ahead, alone in zip(found, plain.see(images), strict=True):
        np.testing.assert_array_equal(ahead.probabilities, alone.probabilities)
    assert len(detector.engine.met) == together


def test_load_of_a_bundle_whose_classifier_is_missing(trained, tmp_path):
    import json
    import shutil

    folder = tmp_path / "gated"
    shutil.copytree(trained, folder)
    path = folder / "bundle.json"
    gated = {"gates": [0.5, 0.0], "smallest_masks_clean": [2.0, 0.0], "classifier": "sure"}
    path.write_text(json.dumps(json.loads(path.read_text()) | gated))
    with pytest.raises(FileNotFoundError, match=r"sure.bundle\.json is not there"):
        Detector.load(folder, engine="keras")


@pytest.mark.parametrize("shape", [SHAPE, (64, 128), (37, 50), (9, 20)])
@pytest.mark.parametrize("filled", [(), (True, False, True)])
def test_decide_gives_what_whole_masks_give(make, shape, filled):
    """Also at thresholds that the highest probability just reaches."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        probabilities = rng.random((*SHAPE, 3), np.float32) * np.float32([1, 0.5, 0.9])
        highest = probabilities.max(axis=(0, 1))
        thresholds, smallest = [0.8, 0.6, float(highest[2])], np.array([0.0, 0.0, rng.choice([0.0, 0.01])])
        names = {"class_names": ["one", "two", "three"], "smallest_masks": [0.0] * 3}
        detector = make(thresholds=thresholds, filled=list(filled), **names)
        seen = Seen(plan_tiles(shape, SHAPE, None), probabilities, smallest)
        masks = threshold_masks(resize_probabilities(probabilities, shape), thresholds, smallest, filled)
        for index, found in enumerate(detector.decide(seen)):
            np.testing.assert_array_equal(found.mask, masks[..., index])
            assert (found.runs, found.probability) == (mask2rle(masks[..., index]), float(highest[index]))
            assert found.pixels == masks[..., index].sum()
