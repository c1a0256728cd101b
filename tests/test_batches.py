"""Batches: every image once an epoch, in an order that seed and epoch alone decide."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from helpers.data.augment import Augmentation
from helpers.data.resize import resize_image, resize_masks
from helpers.models.batches import epoch_order, load_example, num_batches, ordered_batches, training_batches
from tiny_models import SHAPE, tiny_dataset, tiny_image, tiny_masks, write_image

IMAGES, BATCH_SIZE, STEPS = 7, 3, 3


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Seven images; the grey value of the top left corner is the image's number."""
    return tiny_dataset(tmp_path_factory.mktemp("batches") / "tiny", IMAGES)


def numbers(images):
    """The numbers of the images of a batch."""
    return np.round(images[:, 0, 0, 0] * 255).astype(int).tolist()


def read_epochs(dataset, epochs, **arguments):
    """The image numbers of the batches of some epochs: a list of batches for each epoch."""
    batches = training_batches(dataset, dataset.training_ids, SHAPE, BATCH_SIZE, **arguments)
    found = [numbers(images) for images, _ in batches.take(epochs * STEPS).as_numpy_iterator()]
    return [found[start : start + STEPS] for start in range(0, len(found), STEPS)]


@pytest.mark.parametrize(
    ("count", "batch_size", "expected"),
    [
        (7, 3, 3),  # 3 + 3 + 1
        (6, 3, 2),  # no short one
        (1, 8, 1),  # only a short one
        (8, 1, 8),
        (0, 4, 0),
    ],
)
def test_num_batches_counts_the_short_last_one(count, batch_size, expected):
    """Rounded up."""
    assert num_batches(count, batch_size) == expected


def test_epoch_order_is_a_function_of_seed_and_epoch():
    """The same twice, another one for another seed or epoch, and always every position."""
    orders = {(seed, epoch): epoch_order(range(50), seed, epoch).tolist() for seed in (1, 2) for epoch in (0, 1, 2)}
    assert orders[1, 2] == epoch_order(range(50), 1, 2).tolist()
    assert len({tuple(order) for order in orders.values()}) == 6
    assert all(sorted(order) == list(range(50)) for order in orders.values())


def test_load_example_at_the_network_s_size(dataset):
    """Image and masks, scaled down to half."""
    image, masks = load_example(dataset, "01.png", (16, 32))
    assert (image.shape, image.dtype) == ((16, 32, 1), np.uint8)
    assert (masks.shape, masks.dtype) == ((16, 32, 4), np.uint8)
    np.testing.assert_array_equal(image, resize_image(tiny_image(1)[..., np.newaxis], (16, 32)))
    np.testing.assert_array_equal(masks, resize_masks(tiny_masks(1), (16, 32)))


def test_training_batches_keep_the_short_last_one(dataset):
    """In every epoch: 3, 3 and 1 of 7 images."""
    assert [[len(batch) for batch in epoch] for epoch in read_epochs(dataset, 3)] == [[3, 3, 1]] * 3


def test_training_batches_hold_each_image_once_an_epoch(dataset):
    """No image is dropped, none comes twice."""
    for epoch in read_epochs(dataset, 4, seed=5):
        assert sorted(itertools.chain(*epoch)) == list(range(IMAGES))


def test_training_batches_are_in_the_epoch_s_order(dataset):
    """The one of `epoch_order`, so another one in each epoch."""
    epochs = [list(itertools.chain(*epoch)) for epoch in read_epochs(dataset, 4, seed=5)]
    assert epochs == [epoch_order(dataset.training_ids, 5, epoch).tolist() for epoch in range(4)]
    assert len({tuple(epoch) for epoch in epochs}) == 4


@pytest.mark.parametrize("first_step", [1, 2, 3, 7, 9])
def test_training_batches_go_on_where_an_undisturbed_run_would_be(dataset, first_step):
    """Beginning with step k, amid an epoch or not, gives the steps k, k + 1 and so on."""
    undisturbed = list(itertools.chain(*read_epochs(dataset, 5, seed=5)))
    batches = training_batches(dataset, dataset.training_ids, SHAPE, BATCH_SIZE, seed=5, first_step=first_step)
    found = [numbers(images) for images, _ in batches.take(5 * STEPS - first_step).as_numpy_iterator()]
    assert found == undisturbed[first_step:]


def test_training_batches_by_weight(dataset):
    """An image of weight 3 comes three times in each epoch, one of weight 0 never; augmented anew each time."""
    weights = [3, 0, 0, 1, 1, 1, 1]
    ids = dataset.training_ids
    batches = training_batches(dataset, ids, SHAPE, BATCH_SIZE, seed=5, weights=weights)
    for _ in range(3):
        found = [number for images, _ in batches.take(STEPS).as_numpy_iterator() for number in numbers(images)]
        assert sorted(found) == [0, 0, 0, 3, 4, 5, 6]
    noisy = Augmentation(mirror=0, shift=0, brightness=0, contrast=0, blur=0, erase=0, noise=1.0)
    images, _ = read_arrays(dataset, 1, weights=[7, 0, 0, 0, 0, 0, 0], augmentation=noisy)
    assert len(np.unique(images, axis=0)) == IMAGES
    with pytest.raises(ValueError, match="weights: got 2 for 7 images"):
        training_batches(dataset, ids, SHAPE, BATCH_SIZE, weights=[1, 1])


def test_training_batches_of_windows(dataset):
    """Cut from the image as it is, with the masks; mostly around a defect; another one in each epoch."""
    images, masks = read_arrays(dataset, 4, window=(16, 24))
    assert images.shape == (4 * IMAGES, 16, 24, 1) and masks.shape == (4 * IMAGES, 16, 24, 4)
    # a defect is bright in these images, and nothing else is, save for the corner that numbers the image
    found = (images[..., 0] > 100 / 255) == masks.any(axis=-1)
    assert found.all()
    assert masks.any(axis=(1, 2, 3)).mean() > 0.6
    assert len(np.unique(images, axis=0)) > 3 * IMAGES
    with pytest.raises(ValueError, match="window: got 33 x 24"):
        training_batches(dataset, dataset.training_ids, SHAPE, BATCH_SIZE, window=(33, 24))


def test_training_batches_of_another_seed(dataset):
    """The seed counts, and nothing else does."""
    assert read_epochs(dataset, 2, seed=5) == read_epochs(dataset, 2, seed=5)
    assert read_epochs(dataset, 2, seed=5) != read_epochs(dataset, 2, seed=6)


def test_training_batches_hold_the_images_and_masks(dataset):
    """Each image as it is in its file divided by 255, beside its own masks."""
    batches = training_batches(dataset, dataset.training_ids, SHAPE, BATCH_SIZE, seed=1)
    for images, masks in batches.take(STEPS).as_numpy_iterator():
        assert (images.dtype, masks.dtype) == (np.float32, np.uint8)
        for number, image, found in zip(numbers(images), images, masks, strict=True):
            np.testing.assert_allclose(image[..., 0], tiny_image(number) / 255, rtol=1e-6)
            np.testing.assert_array_equal(found, tiny_masks(number))


@pytest.mark.parametrize("channels", [1, 3])
def test_batches_have_static_shapes(dataset, channels):
    """All but the number of images is known before the first batch."""
    endless = training_batches(dataset, dataset.training_ids, (32, 96), 2, channels=channels)
    ordered = ordered_batches(dataset, dataset.training_ids, (32, 96), 2, channels=channels)
    for images, masks in (endless.element_spec, ordered.element_spec):
        assert images.shape.as_list() == [None, 32, 96, channels]
        assert masks.shape.as_list() == [None, 32, 96, 4]
        assert (images.dtype, masks.dtype) == (tf.float32, tf.uint8)


def test_ordered_batches_in_colour(dataset):
    """A grey file on three channels has the same value on each; values stay in [0, 1], masks 0 or 1 after scaling."""
    for images, masks in ordered_batches(dataset, dataset.training_ids, (64, 32), 4, channels=3).as_numpy_iterator():
        assert images.shape[1:] == (64, 32, 3)
        np.testing.assert_array_equal(images[..., 0], images[..., 2])
        assert images.min() >= 0
        assert 0.5 < images.max() <= 1
        assert np.isin(masks, [0, 1]).all()


def test_ordered_batches_tell_the_colours_apart(tmp_path):
    """Red, green and blue, in this order."""
    dataset = tiny_dataset(tmp_path / "tiny", 1)
    blue_green_red = np.zeros((*SHAPE, 3), np.uint8)
    blue_green_red[:] = (51, 102, 204)
    write_image(dataset.path("00.png"), blue_green_red)
    ((images, _),) = ordered_batches(dataset, ["00.png"], SHAPE, 4, channels=3).as_numpy_iterator()
    np.testing.assert_allclose(images[0, 9, 9], [0.8, 0.4, 0.2])


def test_ordered_batches_hold_each_image_once_in_order(dataset):
    """The given order, the short last batch kept, and the same each time they are read."""
    chosen = ["05.png", "00.png", "03.png", "06.png"]
    batches = ordered_batches(dataset, chosen, SHAPE, BATCH_SIZE)
    for _ in range(2):
        assert [numbers(images) for images, _ in batches.as_numpy_iterator()] == [[5, 0, 3], [6]]


@pytest.mark.parametrize("make_batches", [training_batches, ordered_batches])
def test_batches_without_images(dataset, make_batches):
    """There is nothing to train on."""
    with pytest.raises(ValueError, match="got no images, expected at least one"):
        make_batches(dataset, [], SHAPE, BATCH_SIZE)


@pytest.mark.parametrize("make_batches", [training_batches, ordered_batches])
def test_batches_of_an_unknown_image(dataset, make_batches):
    """Named at once, not when its turn comes."""
    with pytest.raises(KeyError, match=r"99.png.*no usable train image"):
        make_batches(dataset, ["00.png", "99.png"], SHAPE, BATCH_SIZE)


@pytest.mark.parametrize("batch_size", [0, -1])
def test_batches_of_no_size(dataset, batch_size):
    """At least one image a batch."""
    for make_batches in (training_batches, ordered_batches):
        with pytest.raises(ValueError, match=f"batch_size: got {batch_size}, expected 1 or more"):
            make_batches(dataset, dataset.training_ids, SHAPE, batch_size)
    with pytest.raises(ValueError, match=f"batch_size: got {batch_size}, expected 1 or more"):
        num_batches(7, batch_size)


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(b"no image"), Path.unlink])
def test_batches_of_an_image_that_was_damaged_meanwhile(tmp_path, damage):
    """The error names the file, and the batches before it come out whole."""
    dataset = tiny_dataset(tmp_path / "tiny", IMAGES)
    damage(dataset.path("04.png"))
    batches = iter(ordered_batches(dataset, dataset.training_ids, SHAPE, BATCH_SIZE))
    assert numbers(next(batches)[0].numpy()) == [0, 1, 2]
    with pytest.raises(tf.errors.OpError, match=r"train_images/04\.png"):
        next(batches)


def read_arrays(dataset, epochs, **arguments):
    """All images and masks of some epochs, one after the other."""
    batches = training_batches(dataset, dataset.training_ids, SHAPE, BATCH_SIZE, seed=4, **arguments)
    found = list(batches.take(epochs * STEPS).as_numpy_iterator())
    return [np.concatenate(arrays) for arrays in zip(*found, strict=True)]


def test_training_batches_augment_by_seed_epoch_and_image_alone(dataset):
    """The same twice, another change in each epoch, and a training that goes on sees what it would have seen."""
    strong = Augmentation(erase=1, noise=0.1)
    plain, once, again = (read_arrays(dataset, 2, augmentation=chosen) for chosen in (None, strong, strong))
    assert np.array_equal(once[0], again[0]) and np.array_equal(once[1], again[1])
    assert not np.array_equal(once[0], plain[0])
    assert set(np.unique(once[1])) <= {0, 1}
    (later,) = [read_arrays(dataset, 1, augmentation=strong, first_step=STEPS)]
    assert np.array_equal(later[0], once[0][IMAGES:]) and np.array_equal(later[1], once[1][IMAGES:])


def test_training_batches_from_a_cache_are_the_same(dataset, tmp_path, monkeypatch):
    """Filled in the first epoch, read in the second, and by a second training without reading an image."""
    plain = read_arrays(dataset, 2)
    kept = read_arrays(dataset, 2, cache=tmp_path / "cache")
    monkeypatch.setattr("helpers.models.batches.load_example", None)
    again = read_arrays(dataset, 2, cache=tmp_path / "cache")
    for found in (kept, again):
        assert np.array_equal(found[0], plain[0]) and np.array_equal(found[1], plain[1])
