"""The training loop: seeded, scheduled, watched, and able to go on after a kill."""

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
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from tqdm import tqdm

from helpers.files import write_csv, written_beside
from helpers.models.losses import BatchDice, DefectDice, make_loss, require_binary_labels
from helpers.models.muon import ConvolutionMuon, answers_of
from helpers.models.stages import batches_in_turn, work_of_steps

CHECKPOINT = "checkpoint.npz"
BEST = "best.npz"
TRAINED = "trained.npz"  # of a training that ended: weights and history, which is all that is needed from then on
HISTORY = "history.csv"
WATCHED = "defect_dice"
OPTIMIZERS = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW, "muon": ConvolutionMuon}
UNDECAYED = ("bias", "gamma", "beta")


@dataclass(frozen=True)
class Training:
    """How a network is trained, apart from its images. The defaults are those of a plain training with Adam.

    Attributes:
        loss: dict of name in `helpers.models.losses.LOSSES` -> weight.
        class_weights: a number for each class, for the losses that weigh classes; None counts them the same.
        optimizer: "adam", "adamw", or "muon", which is Muon for convolutions but the last, and AdamW, at a share of the
            learning rate, for all else.
        learning_rate: the highest one.
        weight_decay: of AdamW and Muon; biases and the two numbers of each batch norm are left out.
        warm_up: share of the steps in which the learning rate rises from 0.
        decay: "constant", or "cosine" for falling to 0 at the last step.
        averaging: the weights are averaged over about this share of all steps, and it is the average that is watched
            and kept; 0 keeps the last weights.
        patience: epochs without a better watched score (`defect_dice`, or a classifier's AUC) on the validation part
            after which the training ends with the weights of its best epoch; 0 trains to the end and keeps the last.
    """

    loss: dict = field(default_factory=lambda: {"bce_dice_loss": 1.0})
    class_weights: tuple | None = None
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    warm_up: float = 0.0
    decay: str = "constant"
    averaging: float = 0.0
    patience: int = 0

    def __post_init__(self):
        """Stop at what makes no training.

        Raises:
            ValueError: naming the setting.
        """
        make_loss(self.loss, self.class_weights)
        for name, choices in (("optimizer", tuple(OPTIMIZERS)), ("decay", ("constant", "cosine"))):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name}: got {getattr(self, name)!r}, expected one of: {', '.join(choices)}.")
        if not 0 < self.learning_rate < float("inf"):
            raise ValueError(f"learning_rate: got {self.learning_rate}, expected a number above 0. 1e-3 is usual.")
        if self.optimizer == "adam" and self.weight_decay:
            raise ValueError("weight_decay: adam here has none. Take adamw or muon, or leave it out.")
        for name in ("weight_decay", "warm_up", "averaging"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name}: got {getattr(self, name)}, expected a number from 0 to below 1.")
        if self.patience < 0:
            raise ValueError(f"patience: got {self.patience}, expected a number of epochs, or 0 to train to the end.")


def seed_everything(seed):
    """Seed Python, NumPy and TensorFlow, so that a run can be repeated on the same machine.

    On processors the repetition is exact. A GPU takes sums in an order that changes, so that there it is close;
    `tf.config.experimental.enable_op_determinism()` makes it exact, at the cost of loading images one by one.
    """
    keras.utils.set_random_seed(seed)


def training_strategy(devices=None):
    """Where to build and train: on all GPUs of the machine; else on the processor.

    Args:
        devices: names of devices, such as `["GPU:0", "GPU:1"]`, each of which gets a share of every batch; None takes
            all GPUs.

    Returns:
        tf.distribute.Strategy; the network is built, and trained, within its `scope()`.
    """
    gpus = [device.name for device in tf.config.list_logical_devices("GPU")]
    devices = gpus if devices is None else devices
    return tf.distribute.MirroredStrategy(devices) if len(devices) > 1 else tf.distribute.get_strategy()


def compile_model(model, training, total_steps, metrics=None):
    """Set the model up for training: optimizer, schedule, loss, and the scores that are computed meanwhile.

    Args:
        model: keras.Model.
        training: a `Training`.
        total_steps: steps of the whole training, which the schedule and the averaging are made for.
        metrics: Keras metrics; None takes the two of masks.

    Returns:
        The model.
    """
    arguments = {} if training.optimizer == "adam" else {"weight_decay": training.weight_decay}
    if training.optimizer == "muon":
        arguments |= {"adam_weight_decay": training.weight_decay, "exclude_layers": answers_of(model)}
    if training.averaging:
        arguments |= {"use_ema": True, "ema_momentum": averaging_momentum(training, total_steps)}
    schedule = learning_rate_schedule(training, total_steps)
    optimizer = OPTIMIZERS[training.optimizer](schedule, **arguments)
    if training.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=UNDECAYED)
    # A loss passes over all pixels many times; compiled, it does so once, in a quarter of the time.
    loss = tf.function(make_loss(training.loss, training.class_weights), jit_compile=True)
    model.compile(optimizer=optimizer, loss=loss, metrics=metrics or [BatchDice(), DefectDice()])
    return model


def learning_rate_schedule(training, total_steps):
    """The learning rate by step: a number, or a Keras schedule.

    Args:
        training: a `Training`.
        total_steps: steps of the whole training.
    """
    if training.decay == "constant" and not training.warm_up:
        return training.learning_rate
    warm_up_steps = round(training.warm_up * total_steps)
    return keras.optimizers.schedules.CosineDecay(
        0.0 if warm_up_steps else training.learning_rate,
        decay_steps=max(1, total_steps - warm_up_steps),
        alpha=1.0 if training.decay == "constant" else 0.0,
        warmup_target=training.learning_rate if warm_up_steps else None,
        warmup_steps=warm_up_steps,
    )


def averaging_momentum(training, total_steps):
    """What the running average of the weights keeps of itself at each step, so that it spans the share asked for."""
    return max(0.0, 1.0 - 1.0 / max(1.0, training.averaging * total_steps))


def train_model(model, stages, validation, *, steps_per_epoch, epochs, folder, settings, patience=0, watched=WATCHED):
    """Train a compiled model, keeping a checkpoint after each epoch, and go on from one that is there.

    The labels of the first epoch, and those watched, are looked at before the first step. A checkpoint that was made
    with other settings is not used; one that can't be read is put aside as `checkpoint.faulty.npz`, and the training
    begins anew. Where the weights are averaged, the validation sees the average, and the model ends with it. When the
    training has ended, its weights and history take the checkpoint's place, and a later call with the same settings and
    epochs takes them up at once.

    Args:
        model: compiled keras.Model.
        stages: list of `Stage`, which give the batches; the bar's estimate goes by their work.
        validation: tf.data.Dataset of (images, masks), looked at after each epoch; None looks at none.
        steps_per_epoch: batches in an epoch.
        epochs: epochs in all.
        folder: where checkpoint, trained weights and `history.csv` are kept.
        settings: dict of all that decides the training's course; a checkpoint made with others is not used.
        patience: epochs without a better watched score of the validation after which it ends with its best weights;
            0: never.
        watched: the metric that tells how good the model is, higher being better.

    Returns:
        Table with one row an epoch: epoch (from 1), loss and the metrics (of masks dice_coef and defect_dice), the same
        of the validation with `val_` before them, learning_rate (at the epoch's end) and seconds.

    Raises:
        ValueError: a label is neither 0 nor 1, or an image can't be read; or `epochs` or `steps_per_epoch` is below 1,
            the model is not compiled, or there is patience and nothing to watch.
    """
    for name, number in (("epochs", epochs), ("steps_per_epoch", steps_per_epoch)):
        if number < 1:
            raise ValueError(f"{name}: got {number}, expected 1 or more. Leave the training out if there is none.")
    if patience and validation is None:
        raise ValueError(f"patience: got {patience} and no images to watch, expected some. Set it to 0.")
    if not model.compiled:
        raise ValueError("the model is not compiled, so that it has no loss and no optimizer. Use `compile_model`.")
    folder = Path(folder)
    key = settings_key({**settings, "patience": patience, "steps_per_epoch": steps_per_epoch})
    trained_key = settings_key({"training": key, "epochs": epochs})
    if history := restore_values(model.variables, folder / TRAINED, trained_key):
        return _end(folder, history)
    history = restore_checkpoint(model, folder / CHECKPOINT, key)
    if len(history) < epochs and not _is_patience_over(history, watched, patience):
        batches = batches_in_turn(stages, epochs * steps_per_epoch, len(history) * steps_per_epoch)
        work = work_of_steps(stages, epochs * steps_per_epoch)
        keeper = _EpochKeeper(folder, key, history, work, epochs, patience, watched)
        with _python_errors(), keeper:
            for _, masks in itertools.chain(batches.take(steps_per_epoch), validation or ()):
                require_binary_labels(masks)
            model.fit(
                batches,
                validation_data=validation,
                initial_epoch=len(history),
                epochs=epochs,
                steps_per_epoch=steps_per_epoch,
                shuffle=False,
                callbacks=[_WatchedAverage(), keeper],
                verbose=0,
            )
    if patience:
        _take_up_best(model, folder / BEST, key)
    else:
        _optimizer(model).finalize_variable_values(model.trainable_variables)
    _save_values(folder / TRAINED, trained_key, history, model.variables)
    return _end(folder, history)


def _end(folder, history):
    """Clear what only a training that is under way needs; the history as a table, kept as CSV, too."""
    for name in (CHECKPOINT, BEST):
        (folder / name).unlink(missing_ok=True)
    table = pd.DataFrame(history)
    write_csv(folder / HISTORY, table, index=False)
    return table


def settings_key(settings):
    """SHA-256 of a dict of settings, independent of the order of its keys."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()


def save_checkpoint(model, path, key, history):
    """Keep weights, the optimizer's state and the history of the epochs so far, in one file."""
    _save_values(path, key, history, training_variables(model))


def _save_values(path, key, history, variables):
    """Keep the values of variables, the history and the key of the settings, in one file."""
    values = {f"variable_{number}": keras.ops.convert_to_numpy(variable) for number, variable in enumerate(variables)}
    with written_beside(path) as beside:
        np.savez(beside, key=key, history=json.dumps(history), **values)


def restore_checkpoint(model, path, key):
    """Take up a checkpoint made with the same settings.

    Args:
        model: compiled keras.Model; its weights and optimizer are set, all of them or none.
        path: the checkpoint; a file that is none of this model is renamed, and a line on stderr says so.
        key: `settings_key` of this training.

    Returns:
        List of one dict for each finished epoch; empty where there is no checkpoint for these settings.
    """
    return restore_values(training_variables(model), path, key)


def restore_values(variables, path, key):
    """Take up kept values into variables, all of them or none; otherwise as `restore_checkpoint`."""
    path = Path(path)
    if not path.exists():
        return []
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


def training_variables(model):
    """All that a training's state consists of, in a fixed order."""
    model.optimizer.build(model.trainable_variables)
    return [*model.variables, *model.optimizer.variables]


def _optimizer(model):
    """The optimizer that steps, inside the one that scales the loss for half precision where there is one."""
    return getattr(model.optimizer, "inner_optimizer", model.optimizer)


def _averages(model):
    """Pairs of (weight, its running average); empty where nothing is averaged."""
    optimizer = _optimizer(model)
    if not optimizer.use_ema:
        return []
    return list(zip(model.trainable_variables, optimizer._model_variables_moving_average, strict=True))


def _averaged_variables(model):
    """The model's variables in order, the running average in the place of each weight that has one."""
    averages = {id(weight): average for weight, average in _averages(model)}
    return [averages.get(id(variable), variable) for variable in model.variables]


def _take_up_best(model, path, key):
    """Give the model the weights of its best epoch."""
    if not restore_values(model.variables, path, key):
        raise ValueError(f"{path}: the weights of the best epoch are not there. Remove the folder, and train anew.")


def _best_epoch(history, watched):
    """Position of the first epoch with the best watched score of the validation."""
    return int(np.argmax([epoch[f"val_{watched}"] for epoch in history]))


def _is_patience_over(history, watched, patience):
    """Whether so many epochs went by without a better score."""
    return bool(patience and history and len(history) - 1 - _best_epoch(history, watched) >= patience)


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

    def __init__(self, folder, key, history, work, epochs, patience, watched):
        super().__init__()
        self.folder, self.key, self.history = folder, key, history
        self.work, self.epochs, self.patience = work, epochs, patience
        self.watched = watched
        self.started, self.told = 0.0, {}
        self.step = len(history) * (len(work) // epochs)

    def __enter__(self):
        self.bar = tqdm(
            desc="Training",
            total=sum(self.work),
            initial=sum(self.work[: self.step]),
            bar_format="{l_bar}{bar}| {elapsed}<{remaining}{postfix}",
            mininterval=1,
        )
        return self

    def __exit__(self, *error):
        self.bar.close()

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self.step += 1
        self._tell()
        self.bar.update(self.work[self.step - 1])

    def on_epoch_end(self, epoch, logs=None):
        numbers = {name: float(value) for name, value in logs.items()}
        learning_rate = float(self.model.optimizer.learning_rate)
        seconds = time.perf_counter() - self.started
        self.history.append({"epoch": epoch + 1, **numbers, "learning_rate": learning_rate, "seconds": seconds})
        if self.patience and _best_epoch(self.history, self.watched) == len(self.history) - 1:
            _save_values(self.folder / BEST, self.key, self.history, _averaged_variables(self.model))
        save_checkpoint(self.model, self.folder / CHECKPOINT, self.key, self.history)
        write_csv(self.folder / HISTORY, pd.DataFrame(self.history), index=False)
        self.told = {"epoch": f"{epoch + 1}/{self.epochs}", "loss": f"{numbers['loss']:.3f}"}
        if f"val_{self.watched}" in numbers:  # not where all images are trained on
            self.told[f"validation_{self.watched}"] = f"{numbers[f'val_{self.watched}']:.3f}"
        self._tell()
        self.model.stop_training = _is_patience_over(self.history, self.watched, self.patience)

    def _tell(self):
        """Say beside the bar how far the training is."""
        self.bar.set_postfix({"step": f"{self.step}/{len(self.work)}"} | self.told, refresh=False)


class _WatchedAverage(keras.callbacks.Callback):
    """Puts the running average in the place of the weights while the validation is looked at, to the bit and back."""

    def on_test_begin(self, logs=None):
        self.kept = [keras.ops.convert_to_numpy(weight) for weight, _ in _averages(self.model)]
        for weight, average in _averages(self.model):
            weight.assign(average)

    def on_test_end(self, logs=None):
        for (weight, _), value in zip(_averages(self.model), self.kept, strict=True):
            weight.assign(value)
