"""Batches of images and masks for training, by tf.data."""

import atexit
import hashlib
import os
import threading
import time
import zlib

import numpy as np
import pandas as pd
import tensorflow as tf

from helpers.data.augment import augment, crop
from helpers.data.cache import ExampleCache
from helpers.data.paste import paste_defect
from helpers.data.resize import masks_at, read_image_at
from helpers.data.sampling import draw_positions


def load_example(dataset, image_id, shape, channels=1):
    """One training example at the network's size.

    Args:
        dataset: a `Dataset`.
        image_id: a training image.
        shape: (height, width) of the network's input in pixels.
        channels: 1 for grey, 3 for colour.

    Returns:
        (image, masks): uint8 arrays (height, width, channels), grey values 0 to 255, and (height, width, classes),
        of 0 and 1.
    """
    own = dataset.shape_of(image_id)
    image = read_image_at(dataset.path(image_id), own, shape, channels)
    return image, masks_at(dataset.runs(image_id), own, shape)


def epoch_order(image_ids, seed, epoch, weights=None):
    """The order of the images in one epoch: a function of seed and epoch alone.

    Args:
        image_ids: the training images.
        seed: whole number.
        epoch: number of the epoch, counted from 0.
        weights: how often to draw each image, with a mean of 1; None draws each once.

    Returns:
        Array of as many positions in `image_ids` as there are images.
    """
    rng = np.random.default_rng((seed, epoch))
    return rng.permutation(len(image_ids)) if weights is None else draw_positions(weights, rng)


def num_batches(count, batch_size):
    """Number of batches that hold `count` images, the short last one among them."""
    _require_batch_size(batch_size)
    return -(-count // batch_size)


def training_batches(
    dataset,
    image_ids,
    shape,
    batch_size,
    *,
    channels=1,
    seed=0,
    first_step=0,
    weights=None,
    augmentation=None,
    window=None,
    cache=None,
):
    """Endless batches, epoch after epoch, shuffled anew in each; the short last batch of an epoch is kept.

    Args:
        dataset: a `Dataset`.
        image_ids: the training images.
        shape: (height, width) that the images are scaled to, in pixels.
        batch_size: images in a batch.
        channels: 1 for grey, 3 for colour.
        seed: with the epoch's number, decides the order.
        first_step: the batch to begin with, counted from 0; a training that goes on begins where it was.
        weights: how often to draw each image, as `helpers.data.sampling` gives them; None draws each once an epoch.
        augmentation: an `Augmentation`, or None; the change of an image is a function of seed, epoch and image id, and
            of how often it came in that epoch already.
        window: (height, width) of a window that is cut from each image, mostly around a defect; None takes all of it.
        cache: folder to keep the examples in at the network's size, or None to make them anew in each epoch.

    Returns:
        tf.data.Dataset of (images, masks): float32 (batch, height, width, channels) in [0, 1], and uint8
        (batch, height, width, classes) of 0 and 1, which the losses turn to float32. An epoch is
        `num_batches(len(image_ids), batch_size)` of them.

    Raises:
        ValueError: there are no images, or not one weight for each; the batch size is below 1; or the window doesn't
            fit.
        KeyError: the data set has no usable image of some id.
    """
    image_ids = _require_images(dataset, image_ids)
    steps = num_batches(len(image_ids), batch_size)
    size = tuple(window or shape)
    if size[0] > shape[0] or size[1] > shape[1]:
        raise ValueError(
            f"window: got {size[0]} x {size[1]}, which doesn't fit images of {shape[0]} x {shape[1]} pixels. "
            "Choose a smaller one, or a larger size for the images."
        )
    if weights is not None and len(weights) != len(image_ids):
        raise ValueError(f"weights: got {len(weights)} for {len(image_ids)} images, expected one for each.")
    make = _example_maker(dataset, image_ids, shape, channels, cache)
    donors = _donors(dataset, image_ids)

    def order(epoch):
        places = epoch_order(image_ids, seed, int(epoch), weights)
        start = batch_size * max(0, first_step - int(epoch) * steps)
        return np.stack([places, _times_before(places)], axis=1)[start:]

    def load(epoch, place):
        position, times = (int(number) for number in place)
        image, masks = make(position)
        if window is None and augmentation is None:
            return image, masks
        rng = np.random.default_rng((seed, int(epoch), zlib.crc32(image_ids[position].encode()), times))
        if window is not None:
            image, masks = crop(image, masks, rng, size)
        if augmentation is None:
            return image, masks
        if donors and rng.random() < augmentation.paste:
            class_index, positions = donors[rng.integers(len(donors))]
            image, masks = paste_defect(image, masks, *make(int(rng.choice(positions))), class_index, rng)
        return augment(image, masks, rng, augmentation)

    @tf.autograph.experimental.do_not_convert
    def batches_of(epoch):
        places = tf.numpy_function(order, [epoch], tf.int64)
        places.set_shape([None, 2])
        places = tf.data.Dataset.from_tensor_slices(places).map(lambda place: (epoch, place))
        return _load_batches(places, load, (*size, channels), (*size, dataset.num_classes), batch_size)

    epochs = tf.data.Dataset.range(first_step // steps, tf.int64.max)
    return epochs.flat_map(batches_of).prefetch(2)


def ordered_batches(dataset, image_ids, shape, batch_size, *, channels=1):
    """Batches of the given images, once and in order; otherwise as `training_batches`."""
    image_ids = _require_images(dataset, image_ids)
    _require_batch_size(batch_size)
    make = _example_maker(dataset, image_ids, shape, channels)
    places = tf.data.Dataset.range(len(image_ids)).map(lambda position: (position,))
    return _load_batches(
        places, lambda position: make(int(position)), (*shape, channels), (*shape, dataset.num_classes), batch_size
    ).prefetch(2)


def _example_maker(dataset, image_ids, shape, channels, cache=None):
    """A function of an image's position that gives its example, from the cache where there is one."""
    if cache is None:
        return lambda position: load_example(dataset, image_ids[position], shape, channels)
    key = hashlib.sha256("\n".join([dataset.fingerprint, *image_ids]).encode()).hexdigest()
    kept = ExampleCache(cache, key, len(image_ids), (*shape, channels), dataset.num_classes)
    return lambda position: kept.get(position, lambda: load_example(dataset, image_ids[position], shape, channels))


def _donors(dataset, image_ids):
    """(class, positions of the images that have it) for each class that there is."""
    has_class = dataset.areas.loc[image_ids].to_numpy() > 0
    return [(number, np.flatnonzero(column)) for number, column in enumerate(has_class.T) if column.any()]


def _times_before(places):
    """For each place, how often the same one came before."""
    return pd.Series(places).groupby(places).cumcount().to_numpy()


def _require_images(dataset, image_ids):
    """The ids as a list, of which the data set has each."""
    image_ids = list(image_ids)
    if not image_ids:
        raise ValueError("got no images, expected at least one. Does the split leave any with a defect in this part?")
    for image_id in image_ids:
        dataset.path(image_id)
    return image_ids


def _require_batch_size(batch_size):
    if batch_size < 1:
        raise ValueError(f"batch_size: got {batch_size}, expected 1 or more images. 8 is usual.")


def _load_batches(places, load, image_shape, masks_shape, batch_size):
    """Load, batch and scale the examples that `load` gives for each tuple of numbers or arrays in `places`."""

    def load_unless_ended(*place):
        with _loading:
            if _loading.ended:
                return np.zeros(image_shape, np.uint8), np.zeros(masks_shape, np.uint8)
            return load(*place)

    @tf.autograph.experimental.do_not_convert
    def load_tensors(*place):
        image, masks = tf.numpy_function(load_unless_ended, place, [tf.uint8, tf.uint8])
        image.set_shape(image_shape)
        masks.set_shape(masks_shape)
        return image, masks

    def scale(images, masks):
        return tf.cast(images, tf.float32) / 255, masks

    examples = places.map(load_tensors, num_parallel_calls=os.cpu_count(), deterministic=True)
    return examples.batch(batch_size, drop_remainder=False).map(scale)


class _Loading:
    """Knows which images are being loaded, so that the process can end.

    TensorFlow's threads load ahead. One that calls Python while the interpreter goes down hangs or aborts the process,
    and an interrupted training, or an iterator left open in a notebook, keeps them going. So at the end no image is
    read any more, and the process waits until the threads have filled their buffers and rest.
    """

    def __init__(self):
        self.ended, self.threads, self.last = False, set(), 0.0

    def __enter__(self):
        self.threads.add(threading.get_ident())

    def __exit__(self, *error):
        self.last = time.monotonic()
        self.threads.discard(threading.get_ident())

    def end(self, rest=0.1, patience=5.0):
        """Wait until no image was loaded for `rest` seconds, but not longer than `patience`."""
        self.ended, started = True, time.monotonic()
        while self.threads or time.monotonic() - self.last < rest:
            if time.monotonic() - started > patience:
                break
            time.sleep(rest / 5)


_loading = _Loading()
atexit.register(_loading.end)
