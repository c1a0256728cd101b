"""Batches of images and masks for training, by tf.data."""

import numpy as np
import tensorflow as tf

from helpers.data.resize import resize_image, resize_masks


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
    image = resize_image(dataset.image(image_id, channels), shape)
    return image, resize_masks(dataset.masks(image_id), shape)


def epoch_order(image_ids, seed, epoch):
    """The order of the images in one epoch: a function of seed and epoch alone.

    Returns:
        Array of positions in `image_ids`.
    """
    return np.random.default_rng((seed, epoch)).permutation(len(image_ids))


def num_batches(count, batch_size):
    """Number of batches that hold `count` images, the short last one among them."""
    return -(-count // batch_size)


def training_batches(dataset, image_ids, shape, batch_size, *, channels=1, seed=0, first_epoch=0):
    """Endless batches, epoch after epoch, shuffled anew in each; the short last batch of an epoch is kept.

    Args:
        dataset: a `Dataset`.
        image_ids: the training images.
        shape: (height, width) of the network's input in pixels.
        batch_size: images in a batch.
        channels: 1 for grey, 3 for colour.
        seed: with the epoch's number, decides the order.
        first_epoch: the epoch to begin with, counted from 0; a training that goes on begins where it was.

    Returns:
        tf.data.Dataset of (images, masks): float32 (batch, height, width, channels) in [0, 1], and float32
        (batch, height, width, classes) of 0 and 1. An epoch is `num_batches(len(image_ids), batch_size)` of them.

    Raises:
        ValueError: there are no images.
    """
    image_ids = _require_images(image_ids)

    def positions(epoch):
        order = tf.numpy_function(lambda number: epoch_order(image_ids, seed, int(number)), [epoch], tf.int64)
        order.set_shape([None])
        batches = tf.data.Dataset.from_tensor_slices(order)
        return _load_batches(batches, dataset, image_ids, shape, batch_size, channels)

    epochs = tf.data.Dataset.range(first_epoch, tf.int64.max)
    return epochs.flat_map(positions).prefetch(2)


def ordered_batches(dataset, image_ids, shape, batch_size, *, channels=1):
    """Batches of the given images, once and in order; otherwise as `training_batches`."""
    image_ids = _require_images(image_ids)
    positions = tf.data.Dataset.range(len(image_ids))
    return _load_batches(positions, dataset, image_ids, shape, batch_size, channels).prefetch(2)


def _require_images(image_ids):
    image_ids = list(image_ids)
    if not image_ids:
        raise ValueError("got no images, expected at least one. Does the split leave any with a defect in this part?")
    return image_ids


def _load_batches(positions, dataset, image_ids, shape, batch_size, channels):
    """Load, batch and scale the images at the given positions."""

    def load(position):
        return load_example(dataset, image_ids[int(position)], shape, channels)

    def load_tensors(position):
        image, masks = tf.numpy_function(load, [position], [tf.uint8, tf.uint8])
        image.set_shape([*shape, channels])
        masks.set_shape([*shape, dataset.num_classes])
        return image, masks

    def scale(images, masks):
        return tf.cast(images, tf.float32) / 255, tf.cast(masks, tf.float32)

    examples = positions.map(load_tensors, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return examples.batch(batch_size, drop_remainder=False).map(scale)
