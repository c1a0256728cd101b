"""The training loop: seeded, watched, and able to go on after a kill."""

import builtins
import hashlib
import itertools
import json
import re
import sys
import time
import zipfile
import zlib
from contextlib import contextmanager
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
    """Seed Python, NumPy and TensorFlow, so that a run can be repeated on the same machine.

    On processors the repetition is exact. A GPU takes sums in an order that changes, so that there it is close;
    `tf.config.experimental.enable_op_determinism()` makes it exact, at the cost of loading images one by one.
    """
    keras.utils.set_random_seed(seed)


def compile_model(model, learning_rate, loss=bce_dice_loss):
    """Set the model up for training with Adam, the given loss and `dice_coef`; returns the model."""
    model.compile(optimizer=keras.optimizers.Adam(learning_rate), loss=loss, metrics=[BatchDice()])
    return model


def train_model(model, make_batches, validation, *, steps_per_epoch, epochs, folder, settings):
    """Train a compiled model, keeping a checkpoint after each epoch, and go on from one that is there.

    All labels are looked at before the first step. A checkpoint that was made with other settings is not used; one
    that can't be read is put aside as `checkpoint.faulty.npz`, and the training begins anew.

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
        ValueError: a label is neither 0 nor 1, or an image can't be read; or `epochs` or `steps_per_epoch` is below 1,
            or the model is not compiled.
    """
    for name, number in (("epochs", epochs), ("steps_per_epoch", steps_per_epoch)):
        if number < 1:
            raise ValueError(f"{name}: got {number}, expected 1 or more. Leave the training out if there is none.")
    if not model.compiled:
        raise ValueError("the model is not compiled, so that it has no loss and no optimizer. Use `compile_model`.")
    folder = Path(folder)
    key = settings_key(settings)
    history = restore_checkpoint(model, folder / CHECKPOINT, key)
    if len(history) < epochs:
        batches = make_batches(len(history))
        with _python_errors(), _EpochKeeper(folder, key, history, steps_per_epoch, epochs) as keeper:
            for _, masks in itertools.chain(batches.take(steps_per_epoch), validation):
                require_binary_labels(masks)
            model.fit(
                batches,
                validation_data=validation,
                initial_epoch=len(history),
                epochs=epochs,
                steps_per_epoch=steps_per_epoch,
                shuffle=False,
                callbacks=[keeper],
                verbose=0,
            )
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
        model: compiled keras.Model; its weights and optimizer are set, all of them or none.
        path: the checkpoint; a file that is none of this model is renamed, and a line on stderr says so.
        key: `settings_key` of this training.

    Returns:
        List of one dict for each finished epoch; empty where there is no checkpoint for these settings.
    """
    path = Path(path)
    if not path.exists():
        return []
    variables = _variables(model)
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as kept:
            if str(kept["key"]) != key:
                return []
            values = [kept[f"variable_{number}"] for number in range(len(variables))]
            history = [dict(epoch) for epoch in json.loads(str(kept["history"]))]
        for variable, value in zip(variables, values, strict=True):
            if tuple(variable.shape) != value.shape:
                raise ValueError(f"{variable.path} has shape {value.shape} there, {tuple(variable.shape)} here")
    # NumPy lets through whatever its reader of zip files stumbles over.
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        aside = path.with_name(f"{path.stem}.faulty{path.suffix}")
        path.replace(aside)
        print(
            f"{path}: this is no checkpoint of this training ({error}). It is now {aside.name}; training begins anew.",
            file=sys.stderr,
        )
        return []
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return history


def _variables(model):
    """All that a training's state consists of, in a fixed order."""
    model.optimizer.build(model.trainable_variables)
    return [*model.variables, *model.optimizer.variables]


@contextmanager
def _python_errors():
    """Raise what Python raised inside the input pipeline as itself, not wrapped by TensorFlow."""
    try:
        yield
    except tf.errors.OpError as error:
        found = re.search(r"\b(ValueError|FileNotFoundError|PermissionError|OSError): (.*)", error.message)
        if not found:
            raise
        raise getattr(builtins, found[1])(found[2]) from None


class _EpochKeeper(keras.callbacks.Callback):
    """Shows the progress, and keeps checkpoint and history after each epoch."""

    def __init__(self, folder, key, history, steps_per_epoch, epochs):
        super().__init__()
        self.folder, self.key, self.history = folder, key, history
        self.steps_per_epoch, self.epochs = steps_per_epoch, epochs
        self.started = 0.0

    def __enter__(self):
        self.bar = tqdm(
            desc="Training",
            total=self.epochs * self.steps_per_epoch,
            unit="step",
            initial=len(self.history) * self.steps_per_epoch,
            mininterval=1,
        )
        return self

    def __exit__(self, *error):
        self.bar.close()

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
