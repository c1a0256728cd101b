"""A training that goes wrong as a published one did: labels above 1, and a cross-entropy that has no floor for them."""

import keras
import numpy as np
import pandas as pd
from keras import ops
from tqdm import tqdm

from helpers.models.batches import training_batches
from helpers.models.losses import dice_coef
from helpers.models.unet_paper import unet_paper

PATHS = ("logits", "clipped")


def wrong_bce_dice_loss(y_true, logits, path):
    """Cross-entropy plus one minus the soft Dice, without a look at the labels.

    Args:
        y_true: labels (batch, height, width, classes) of any height.
        logits: same shape.
        path: "logits" computes the cross-entropy from the logits, as Keras does on TensorFlow where it is given what
            just came out of a sigmoid: for a label z above 1 it falls without end as the logit x grows, by x(1 - z).
            "clipped" clips the probabilities first, so that it ends near -16 z.

    Returns:
        Scalar tensor.

    Raises:
        ValueError: there is no such path.
    """
    if path not in PATHS:
        raise ValueError(f"path: got {path!r}, expected one of: {', '.join(PATHS)}.")
    probabilities = ops.sigmoid(logits)
    if path == "logits":
        pixels = ops.binary_crossentropy(y_true, logits, from_logits=True)
    else:
        inside = ops.clip(probabilities, keras.config.epsilon(), 1 - keras.config.epsilon())
        pixels = ops.binary_crossentropy(y_true, inside)
    return ops.mean(pixels) + 1.0 - dice_coef(y_true, probabilities)


def train_with_labels(dataset, image_ids, shape, channels, *, label, path, steps, batch_size=4, seed=0):
    """Train the paper's U-Net for some steps with labels of another height than 1.

    Args:
        dataset: a `Dataset`.
        image_ids: images to train on.
        shape: (height, width) of the input in pixels.
        channels: 1 for grey, 3 for colour.
        label: what the pixels of a defect are labelled with; 1 is right.
        path: as in `wrong_bce_dice_loss`.
        steps: batches to train on.
        batch_size: images in a batch.
        seed: decides the first weights and the order of the images.

    Returns:
        Table with step (from 1), loss and dice_coef, the paper's soft Dice, before each step.
    """
    keras.utils.set_random_seed(seed)
    model = unet_paper(shape, dataset.num_classes, channels)
    model.get_layer("probabilities").activation = keras.activations.linear
    model.compile(
        keras.optimizers.Adam(1e-3),
        loss=lambda y_true, logits: wrong_bce_dice_loss(y_true, logits, path),
        metrics=[keras.metrics.MeanMetricWrapper(soft_dice, name="dice_coef")],
    )
    rows = []
    batches = training_batches(dataset, image_ids, shape, batch_size, channels=channels, seed=seed).take(steps)
    for images, masks in tqdm(batches, desc=f"Labels of {label}, {path}", unit="step", total=steps):
        model.reset_metrics()
        logs = model.train_on_batch(images, np.float32(label) * np.asarray(masks, np.float32), return_dict=True)
        rows.append((len(rows) + 1, float(logs["loss"]), float(logs["dice_coef"])))
    return pd.DataFrame(rows, columns=["step", "loss", "dice_coef"])


def soft_dice(y_true, logits):
    """The paper's Dice of logits, one value for the batch: shape (1,)."""
    return ops.reshape(dice_coef(y_true, ops.sigmoid(logits)), (1,))
