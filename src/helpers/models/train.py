"""The training loop: seeded, watched, and able to go on after a kill."""

import hashlib
import json
import time
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from tqdm import tqdm

from helpers.files import write_csv, written_beside
from helpers.models.losses import BatchDice, bce_dice_loss, require_binary_labels

CHECKPOINT = "checkpoint.npz"
HISTORY = "history.csv"


def seed_everything(seed):
    """Seed Python, NumPy and TensorFlow, so that a run can be repeated on the same machine."""
    keras.utils.set_random_seed(seed)


def compile_model(model, learning_rate, loss=bce_dice_loss):
    """Set the model up for training with Adam, the given loss and `dice_coef`; returns the model."""
    model.compile(optimizer=keras.optimizers.Adam(learning_rate), loss=loss, metrics=[BatchDice()])
    return model


def train_model(model, make_batches, validation, *, steps_per_epoch, epochs, folder, settings):
    """Train a compiled model, keeping a checkpoint after each epoch, and go on from one that is there.

    Args:
        model: compiled keras.Model.
        make_batches: function of `first_epoch` (counted from 0) that gives endless batches of (images, masks).
        validation: tf.data.Dataset of (images, masks), looked at after each epoch.
        steps_per_epoch: batches in an epoch.
        epochs: epochs in all.
        folder: where checkpoint and `history.csv` are kept.
        settings: dict of all that decides the training's course; a checkpoint made with others is not used.

    Returns:
        Table with one row an epoch: epoch (from 1), loss, dice_coef, val_loss, val_dice_coef, learning_rate, seconds.

    Raises:
        ValueError: a label is neither 0 nor 1; it is refused before the network sees it.
    """
    folder = Path(folder)
    key = settings_key(settings)
    history = restore_checkpoint(model, folder / CHECKPOINT, key)
    keeper = _EpochKeeper(folder, key, history, steps_per_epoch, epochs)
    if len(history) < epochs:
        try:
            model.fit(
                _checked(make_batches(len(history))),
                validation_data=validation,
                initial_epoch=len(history),
                epochs=epochs,
                steps_per_epoch=steps_per_epoch,
                callbacks=[keeper],
                verbose=0,
            )
        except tf.errors.InvalidArgumentError as error:
            raise _label_error(error) from None
    table = pd.DataFrame(history)
    write_csv(folder / HISTORY, table, index=False)
    return table


def settings_key(settings):
    """SHA-256 of a dict of settings, independent of the order of its keys."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()


def save_checkpoint(model, path, key, history):
    """Keep weights, the optimizer's state and the history of the epochs so far, in one file."""
    variables = {f"variable_{number}": variable.numpy() for number, variable in enumerate(_variables(model))}
    with written_beside(path) as beside:
        np.savez(beside, key=key, history=json.dumps(history), **variables)


def restore_checkpoint(model, path, key):
    """Take up a checkpoint made with the same settings.

    Args:
        model: compiled keras.Model; its weights and optimizer are set.
        path: the checkpoint.
        key: `settings_key` of this training.

    Returns:
        List of one dict for each finished epoch; empty where there is no checkpoint for these settings.
    """
    if not Path(path).exists():
        return []
    with np.load(path, allow_pickle=False) as kept:
        if str(kept["key"]) != key:
            return []
        for number, variable in enumerate(_variables(model)):
            variable.assign(kept[f"variable_{number}"])
        return json.loads(str(kept["history"]))


def _variables(model):
    """All that a training's state consists of, in a fixed order."""
    model.optimizer.build(model.trainable_variables)
    return [*model.variables, *model.optimizer.variables]


def _checked(batches):
    """Let each batch through only after its labels were looked at."""

    def look(masks):
        require_binary_labels(masks)
        return np.bool_(True)

    def check(images, masks):
        fine = tf.numpy_function(look, [masks], tf.bool)
        with tf.control_dependencies([fine]):
            return tf.identity(images), tf.identity(masks)

    return batches.map(check).prefetch(1)


def _label_error(error):
    """The ValueError that was raised inside the input pipeline, or the error itself."""
    _, found, text = str(error).partition("ValueError: ")
    return ValueError(text.splitlines()[0]) if found else error


class _EpochKeeper(keras.callbacks.Callback):
    """Shows the progress, and keeps checkpoint and history after each epoch."""

    def __init__(self, folder, key, history, steps_per_epoch, epochs):
        super().__init__()
        self.folder, self.key, self.history = folder, key, history
        self.steps_per_epoch, self.epochs = steps_per_epoch, epochs
        self.bar, self.started = None, 0.0

    def on_train_begin(self, logs=None):
        self.bar = tqdm(
            desc="Training",
            total=self.epochs * self.steps_per_epoch,
            unit="step",
            initial=len(self.history) * self.steps_per_epoch,
            mininterval=1,
        )

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self.bar.update()

    def on_epoch_end(self, epoch, logs=None):
        numbers = {name: float(value) for name, value in logs.items()}
        learning_rate = float(self.model.optimizer.learning_rate)
        seconds = time.perf_counter() - self.started
        self.history.append({"epoch": epoch + 1, **numbers, "learning_rate": learning_rate, "seconds": seconds})
        save_checkpoint(self.model, self.folder / CHECKPOINT, self.key, self.history)
        write_csv(self.folder / HISTORY, pd.DataFrame(self.history), index=False)
        self.bar.set_postfix(
            epoch=f"{epoch + 1}/{self.epochs}",
            loss=f"{numbers['loss']:.3f}",
            validation_dice=f"{numbers.get('val_dice_coef', float('nan')):.3f}",
        )

    def on_train_end(self, logs=None):
        self.bar.close()
