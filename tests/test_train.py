"""Training: seeded, watched, and able to go on after a kill."""

import csv
import io
import json
import os
import random
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from helpers.models import train
from helpers.models.batches import num_batches, ordered_batches, training_batches
from helpers.models.losses import bce_dice_loss, dice_coef
from helpers.models.muon import ConvolutionMuon
from helpers.models.stages import Stage
from helpers.models.train import (
    BEST,
    CHECKPOINT,
    HISTORY,
    TRAINED,
    Training,
    averaging_momentum,
    compile_model,
    learning_rate_schedule,
    restore_checkpoint,
    save_checkpoint,
    seed_everything,
    settings_key,
    train_model,
)
from tiny_models import SHAPE, tiny_dataset, tiny_model

IMAGES, BATCH_SIZE, EPOCHS = 7, 3, 4
# As many as the small model and Adam have: two weights; iteration, learning rate, and two moments of each weight.
VARIABLES = [f"variable_{number}" for number in range(8)]
SCORES = ("loss", "dice_coef", "defect_dice")
COLUMNS = {"epoch", *SCORES, *(f"val_{name}" for name in SCORES), "learning_rate", "seconds"}
PLAIN = Training(learning_rate=0.02)
SCHEDULED = Training(
    optimizer="muon", learning_rate=0.02, weight_decay=0.01, warm_up=0.2, decay="cosine", averaging=0.3
)


def stage_at(shape, dataset, seed=3, batch_size=BATCH_SIZE, **about):
    """A stage of a training on images of a size."""

    def make_batches(first_step):
        return training_batches(dataset, dataset.training_ids, shape, batch_size, seed=seed, first_step=first_step)

    return Stage(make_batches, **about)


def train_tiny(
    dataset, folder, *, seed=3, epochs=EPOCHS, settings=None, training=PLAIN, batch_size=BATCH_SIZE, stages=()
):
    """Train a tiny network on a tiny data set: (model, history)."""
    seed_everything(seed)
    ids = dataset.training_ids
    network = tiny_model() if training.optimizer != "muon" else deeper_model()
    model = compile_model(network, training, EPOCHS * num_batches(len(ids), batch_size))
    history = train_model(
        model,
        stages or [stage_at(SHAPE, dataset, seed, batch_size)],
        ordered_batches(dataset, ids, SHAPE, batch_size),
        steps_per_epoch=num_batches(len(ids), batch_size),
        epochs=epochs,
        folder=folder,
        settings=settings or {"seed": seed},
        patience=training.patience,
    )
    return model, history


def deeper_model():
    """A convolution before that of the answers, which is what Muon steps; for images of any size."""
    image = keras.Input((None, None, 1), name="image")
    inner = keras.layers.Conv2D(6, 3, strides=2, padding="same", activation="relu", name="inner")(image)
    inner = keras.layers.UpSampling2D()(inner)
    return keras.Model(image, keras.layers.Conv2D(4, 3, padding="same", activation="sigmoid", name="answers")(inner))


def weights_of(model):
    """All weights of a model in one array."""
    return np.concatenate([weight.numpy().ravel() for weight in model.weights])


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Seven images of 32 x 64 pixels."""
    return tiny_dataset(tmp_path_factory.mktemp("train") / "tiny", IMAGES)


@pytest.fixture(scope="module")
def undisturbed(dataset, tmp_path_factory):
    """A training that nothing disturbed: (model, history, folder)."""
    folder = tmp_path_factory.mktemp("undisturbed")
    return *train_tiny(dataset, folder), folder


class StoppedError(Exception):
    """Ends a training amid it."""


def stop_training(dataset, folder, after, monkeypatch, **arguments):
    """Train so many epochs and stop as a kill would, the last checkpoint just written; gives their history."""
    kept = []

    def save_and_stop(model, path, key, history):
        save_checkpoint(model, path, key, history)
        kept[:] = [dict(epoch) for epoch in history]
        if len(history) == after:
            raise StoppedError

    monkeypatch.setattr(train, "save_checkpoint", save_and_stop)
    with pytest.raises(StoppedError):
        train_tiny(dataset, folder, **arguments)
    monkeypatch.undo()
    return pd.DataFrame(kept)


@pytest.fixture(scope="module")
def stopped(dataset, tmp_path_factory):
    """A training that was stopped after two epochs: (history, folder)."""
    folder = tmp_path_factory.mktemp("stopped")
    return stop_training(dataset, folder, 2, pytest.MonkeyPatch()), folder


@pytest.fixture
def model():
    """A small compiled model of two weights."""
    image = keras.Input((2, 2, 1))
    return compile_model(
        keras.Model(image, keras.layers.Conv2D(1, 1, activation="sigmoid")(image)), Training(learning_rate=0.1), 8
    )


def test_train_model_gives_a_row_for_each_epoch(undisturbed):
    """With the promised columns, and the same in `history.csv`."""
    _, history, folder = undisturbed
    assert history["epoch"].tolist() == [1, 2, 3, 4]
    assert set(history.columns) == COLUMNS
    assert np.isfinite(history.to_numpy()).all()
    assert (history["seconds"] > 0).all()
    np.testing.assert_allclose(history["learning_rate"], 0.02)
    pd.testing.assert_frame_equal(pd.read_csv(folder / HISTORY), history)


def test_train_model_learns(undisturbed):
    """The loss falls from epoch to epoch, in training and validation, and stays above 0."""
    _, history, _ = undisturbed
    assert history["loss"].is_monotonic_decreasing
    assert history["val_loss"].is_monotonic_decreasing
    assert (history[["loss", "val_loss"]] >= 0).all(axis=None)


def test_train_model_validates_on_all_images(undisturbed, dataset):
    """The means weigh images: the short last batch counts a third of the others."""
    model, history, _ = undisturbed
    ids, parts = dataset.training_ids, []
    for images, masks in ordered_batches(dataset, ids, SHAPE, BATCH_SIZE).as_numpy_iterator():
        predicted = model.predict_on_batch(images)
        parts.append((len(images), float(bce_dice_loss(masks, predicted)), float(dice_coef(masks, predicted))))
    counts, losses, coefficients = np.array(parts).T
    assert counts.tolist() == [3, 3, 1]
    assert history["val_loss"].iloc[-1] == pytest.approx(counts @ losses / IMAGES, rel=1e-5)
    assert history["val_dice_coef"].iloc[-1] == pytest.approx(counts @ coefficients / IMAGES, rel=1e-5)


def test_train_model_of_the_same_seed_twice(undisturbed, dataset, tmp_path):
    """The same history and the same weights on this machine, to the bit."""
    model, history, _ = undisturbed
    again, repeated = train_tiny(dataset, tmp_path)
    pd.testing.assert_frame_equal(repeated.drop(columns="seconds"), history.drop(columns="seconds"), check_exact=True)
    np.testing.assert_array_equal(weights_of(again), weights_of(model))


def test_train_model_of_another_seed(undisturbed, dataset, tmp_path):
    """The seed decides the first weights and the order."""
    model, _, _ = undisturbed
    other, _ = train_tiny(dataset, tmp_path, seed=4)
    assert (weights_of(other) != weights_of(model)).all()


def test_train_model_keeps_a_checkpoint_after_each_epoch(dataset, tmp_path, monkeypatch):
    """With the epochs so far; the history beside it is as long."""
    kept = []

    def save_and_look(model, path, key, history):
        save_checkpoint(model, path, key, history)
        with np.load(path) as checkpoint:
            kept.append([epoch["epoch"] for epoch in json.loads(str(checkpoint["history"]))])

    monkeypatch.setattr(train, "save_checkpoint", save_and_look)
    train_tiny(dataset, tmp_path, epochs=2)
    assert kept == [[1], [1, 2]]
    assert sorted(path.name for path in tmp_path.iterdir()) == [HISTORY, TRAINED]


def test_train_model_shows_its_progress_on_stderr_alone(dataset, tmp_path, capfd):
    """A bar over all steps; stdout stays clean for what a command prints."""
    train_tiny(dataset, tmp_path, epochs=1)
    out, err = capfd.readouterr()
    assert out == ""
    assert "Training: 100%" in err
    assert "step=3/3, epoch=1/1, loss=" in err and "validation_defect_dice=0." in err


def test_train_model_tells_no_validation_where_nothing_is_watched(dataset, tmp_path, capfd):
    model = compile_model(tiny_model(), PLAIN, 3)
    train_model(model, [stage_at(SHAPE, dataset)], None, steps_per_epoch=3, epochs=1, folder=tmp_path, settings={})
    err = capfd.readouterr().err
    assert "epoch=1/1, loss=" in err and "validation" not in err


def two_stages(dataset):
    """The first half of the steps on small images."""
    return [stage_at((8, 16), dataset, share=0.5, work=0.25), stage_at(SHAPE, dataset, share=0.5)]


def test_train_model_estimates_by_the_work_of_its_steps(dataset, tmp_path, monkeypatch):
    """Half the steps, on small images, are no half of the work; one that goes on begins where it was."""
    bars, really = [], train.tqdm

    def kept_bar(**settings):
        bars.append(really(**settings))
        return bars[-1]

    monkeypatch.setattr(train, "tqdm", kept_bar)
    about = {"epochs": 2, "training": SCHEDULED, "stages": two_stages(dataset)}
    stop_training(dataset, tmp_path, 1, pytest.MonkeyPatch(), **about)
    assert (bars[0].n, bars[0].total) == (3 * 0.25, 3 * 0.25 + 3)
    train_tiny(dataset, tmp_path, **about)
    assert (bars[1].initial, bars[1].n) == (0.75, 3.75)


@pytest.mark.parametrize("after", [1, 3])
def test_train_model_in_two_stages_goes_on_in_either(dataset, tmp_path, monkeypatch, after):
    """It ends with the weights of an undisturbed one, to the bit."""
    about = {"training": SCHEDULED, "stages": two_stages(dataset)}
    model, history = train_tiny(dataset, tmp_path / "alone", **about)
    stop_training(dataset, tmp_path / "stopped", after, monkeypatch, **about)
    resumed, continued = train_tiny(dataset, tmp_path / "stopped", **about)
    pd.testing.assert_frame_equal(continued.drop(columns="seconds"), history.drop(columns="seconds"), check_exact=True)
    np.testing.assert_array_equal(weights_of(resumed), weights_of(model))


# After the first epoch no image is loaded any more, so that the training waits amid a later one.
KILLED = """
import sys, threading
from pathlib import Path
from helpers.data.dataset import read_dataset
from helpers.models import batches
from test_train import HISTORY, SCHEDULED, train_tiny

def load_or_wait(*arguments):
    if (folder / HISTORY).exists():
        threading.Event().wait()
    return load_example(*arguments)

load_example, batches.load_example = batches.load_example, load_or_wait
folder = Path(sys.argv[2])
train_tiny(read_dataset(sys.argv[1]), folder, training=SCHEDULED)
"""


def test_train_model_goes_on_after_a_kill(dataset, tmp_path_factory, tmp_path):
    """Killed with SIGKILL amid an epoch: the finished epochs are not trained again, and the end is the same.

    With a schedule and an average of the weights, whose state has to come back too.
    """
    model, history = train_tiny(dataset, tmp_path_factory.mktemp("alone"), training=SCHEDULED)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    command = [sys.executable, "-c", KILLED, str(dataset.directory), str(tmp_path)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    for _ in range(600):
        if (tmp_path / HISTORY).exists() or process.poll() is not None:
            break
        time.sleep(0.1)
    process.kill()
    assert process.wait() == -9
    with open(tmp_path / HISTORY, newline="", encoding="utf-8") as file:
        before = list(csv.DictReader(file))
    assert 1 <= len(before) < EPOCHS

    resumed, continued = train_tiny(dataset, tmp_path, training=SCHEDULED)
    assert [str(seconds) for seconds in continued["seconds"][: len(before)]] == [row["seconds"] for row in before]
    pd.testing.assert_frame_equal(continued.drop(columns="seconds"), history.drop(columns="seconds"), check_exact=True)
    np.testing.assert_array_equal(weights_of(resumed), weights_of(model))


def test_train_model_that_is_finished_only_takes_up_its_weights(undisturbed, dataset, tmp_path):
    """No epoch is trained, and no image read; what is kept for that are weights and history alone."""
    model, history, folder = undisturbed
    shutil.copy(folder / TRAINED, tmp_path)
    with np.load(tmp_path / TRAINED) as kept:
        assert set(kept.files) == {"key", "history", *(f"variable_{number}" for number in range(len(model.variables)))}
    fresh = compile_model(tiny_model(), PLAIN, 12)
    again = train_model(fresh, None, None, steps_per_epoch=3, epochs=EPOCHS, folder=tmp_path, settings={"seed": 3})
    pd.testing.assert_frame_equal(again, history)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / HISTORY), history)
    np.testing.assert_array_equal(weights_of(fresh), weights_of(model))


def test_train_model_of_more_epochs_than_the_one_that_ended(undisturbed, dataset, tmp_path):
    """Without the optimizer's state nothing can go on there: it begins anew, from its own first weights."""
    _, history, _ = undisturbed
    train_tiny(dataset, tmp_path, epochs=1)
    _, longer = train_tiny(dataset, tmp_path, epochs=2)
    pd.testing.assert_frame_equal(
        longer.drop(columns="seconds"), history.drop(columns="seconds").head(2), check_exact=True
    )


def test_train_model_killed_before_the_checkpoint_was_cleared(undisturbed, dataset, tmp_path, model):
    """What the training ended with counts, and the checkpoint goes."""
    _, history, folder = undisturbed
    shutil.copy(folder / TRAINED, tmp_path)
    (tmp_path / CHECKPOINT).write_bytes(b"of an epoch before")
    _, again = train_tiny(dataset, tmp_path)
    pd.testing.assert_frame_equal(again, history)
    assert sorted(path.name for path in tmp_path.iterdir()) == [HISTORY, TRAINED]


def test_train_model_does_not_use_a_checkpoint_of_other_settings(dataset, stopped, tmp_path):
    """It begins anew."""
    history, folder = stopped
    shutil.copy(folder / CHECKPOINT, tmp_path)
    _, other = train_tiny(dataset, tmp_path, epochs=1, settings={"seed": 3, "augmented": True})
    assert other["epoch"].tolist() == [1]
    assert other["loss"].iloc[0] == history["loss"].iloc[0]
    assert other["seconds"].iloc[0] != history["seconds"].iloc[0]


def test_train_model_with_a_truncated_checkpoint(stopped, dataset, tmp_path, capsys):
    """As a full disk may leave it: put aside with a word, and trained anew."""
    history, folder = stopped
    whole = (folder / CHECKPOINT).read_bytes()
    (tmp_path / CHECKPOINT).write_bytes(whole[: len(whole) // 2])
    _, other = train_tiny(dataset, tmp_path, epochs=1)
    assert other["loss"].tolist() == history["loss"].tolist()[:1]
    assert (tmp_path / "checkpoint.faulty.npz").read_bytes() == whole[: len(whole) // 2]
    assert "this is no checkpoint of this training" in capsys.readouterr().err


def labelled_batches(value, position):
    """Four batches of two images of 2 x 2 pixels; a label of image `position` is `value`."""
    masks = np.zeros((8, 2, 2, 1), np.float32)
    masks[::2] = 1
    masks[position, 1, 1, 0] = value
    images = np.random.default_rng(0).random((8, 2, 2, 1), np.float32)
    return tf.data.Dataset.from_tensor_slices((images, masks)).batch(2)


@pytest.mark.parametrize("value", [255, 0.5, 2, float("nan")])
@pytest.mark.parametrize("part", ["train", "validation"])
def test_train_model_refuses_other_labels_before_the_first_step(model, tmp_path, part, value):
    """In the last batch, of training or validation: no weight has changed, and nothing was written."""
    fine, wrong = labelled_batches(1, 7), labelled_batches(value, 7)
    batches, validation = (wrong, fine) if part == "train" else (fine, wrong)
    before = weights_of(model)
    with pytest.raises(ValueError, match=rf"^a label is {value:g}(\.0)?, expected 0 or 1"):
        train_model(
            model,
            [Stage(lambda first_step: batches.repeat())],
            validation,
            steps_per_epoch=4,
            epochs=1,
            folder=tmp_path,
            settings={},
        )
    np.testing.assert_array_equal(weights_of(model), before)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("damage", "error", "match"),
    [
        (lambda path: path.write_bytes(b"no image"), ValueError, r"^\S+04\.png: this is no image that can be read"),
        (Path.unlink, FileNotFoundError, r"No such file or directory: \S+04\.png"),
    ],
)
def test_train_model_names_an_image_that_was_damaged_meanwhile(tmp_path, damage, error, match):
    """In one line, without what TensorFlow wraps around it."""
    dataset = tiny_dataset(tmp_path / "tiny", IMAGES)
    damage(dataset.path("04.png"))
    with pytest.raises(error, match=match) as raised:
        train_tiny(dataset, tmp_path / "model")
    assert "\n" not in str(raised.value)


FAILING = """
import sys, time
from pathlib import Path
from helpers.models import batches
from test_train import train_tiny
from tiny_models import tiny_dataset

def load_slowly(*arguments):
    time.sleep(0.05)
    return load_example(*arguments)

load_example, batches.load_example = batches.load_example, load_slowly
folder = Path(sys.argv[1])
dataset = tiny_dataset(folder / "tiny", 40)
dataset.path("17.png").write_bytes(b"no image")
train_tiny(dataset, folder / "model")
"""


def test_train_model_that_fails_lets_the_process_end(tmp_path):
    """TensorFlow's threads go on loading; calling Python while it goes down, they would hang or abort the process."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    command = [sys.executable, "-c", FAILING, str(tmp_path)]
    ended = subprocess.run(command, env=environment, timeout=60, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "17.png: this is no image that can be read" in ended.stderr


def test_train_model_passes_other_errors_of_tensorflow_on(model, tmp_path):
    """What Python did not raise stays as it is."""
    batches = labelled_batches(1, 7).map(lambda images, masks: (tf.debugging.check_numerics(images / 0, "oops"), masks))
    with pytest.raises(tf.errors.InvalidArgumentError, match="oops"):
        stages = [Stage(lambda first_step: batches)]
        train_model(model, stages, batches, steps_per_epoch=4, epochs=1, folder=tmp_path, settings={})


@pytest.mark.parametrize("name", ["epochs", "steps_per_epoch"])
def test_train_model_of_no_epochs_or_steps(model, tmp_path, name):
    """There has to be something to train."""
    numbers = {"epochs": 1, "steps_per_epoch": 1, name: 0}
    with pytest.raises(ValueError, match=f"{name}: got 0, expected 1 or more"):
        train_model(model, None, None, folder=tmp_path, settings={}, **numbers)


def test_train_model_that_is_not_compiled(tmp_path):
    """The message names the function to use."""
    with pytest.raises(ValueError, match=r"not compiled.*compile_model"):
        train_model(tiny_model(), None, None, steps_per_epoch=1, epochs=1, folder=tmp_path, settings={})


def test_compile_model_as_the_paper_does():
    """Adam with the given learning rate, cross-entropy with Dice."""
    model = compile_model(tiny_model(), Training(), 12)
    assert type(model.optimizer) is keras.optimizers.Adam
    assert float(model.optimizer.learning_rate) == pytest.approx(1e-3)
    y_true, y_pred = np.ones((1, 2, 2, 4), "float32"), np.full((1, 2, 2, 4), 0.3, "float32")
    assert float(model.loss(y_true, y_pred)) == float(bce_dice_loss(y_true, y_pred))


def test_compile_model_with_everything():
    """Decay of kernels and not of biases, and an average that spans three tenths of ten steps."""
    optimizer = compile_model(deeper_model(), SCHEDULED, 10).optimizer
    assert type(optimizer) is ConvolutionMuon
    assert optimizer.use_ema and optimizer.ema_momentum == pytest.approx(2 / 3)
    assert optimizer.weight_decay == optimizer.adam_weight_decay == 0.01
    kernel, bias, answers, _ = deeper_model().trainable_variables
    assert optimizer._use_weight_decay(kernel) and not optimizer._use_weight_decay(bias)
    assert not optimizer._should_use_adamw(kernel) and optimizer._should_use_adamw(answers)


def test_compile_model_with_adamw():
    optimizer = compile_model(tiny_model(), replace(SCHEDULED, optimizer="adamw"), 10).optimizer
    assert type(optimizer) is keras.optimizers.AdamW
    assert optimizer.weight_decay == 0.01 and optimizer.use_ema


@pytest.mark.parametrize(
    ("training", "rates"),
    [
        (Training(learning_rate=0.5), [0.5] * 5),  # constant
        (Training(learning_rate=0.5, decay="cosine"), [0.5, 0.25 + 0.125 * 2**0.5, 0.25, 0.25 - 0.125 * 2**0.5, 0]),
        (Training(learning_rate=0.5, warm_up=0.5), [0, 0.25, 0.5, 0.5, 0.5]),  # rises over half of the steps
        (Training(learning_rate=0.5, warm_up=0.5, decay="cosine"), [0, 0.25, 0.5, 0.25, 0]),
    ],
)
def test_learning_rate_schedule_worked_by_hand(training, rates):
    """At steps 0 to 4 of four."""
    schedule = learning_rate_schedule(training, 4)
    found = [float(schedule(step)) if callable(schedule) else schedule for step in range(5)]
    assert found == pytest.approx(rates, abs=1e-6)


@pytest.mark.parametrize(("share", "steps", "momentum"), [(0.1, 1000, 0.99), (0.5, 4, 0.5), (0.01, 10, 0.0)])
def test_averaging_momentum_worked_by_hand(share, steps, momentum):
    assert averaging_momentum(Training(averaging=share), steps) == pytest.approx(momentum)


@pytest.mark.parametrize(
    ("setting", "match"),
    [
        ({"loss": {"dise": 1}}, "loss: got 'dise'"),
        ({"loss": {}}, "loss: got no loss"),
        ({"loss": {"bce": 0}}, "weight of bce is 0"),
        ({"class_weights": (1, 2)}, "bce_dice_loss knows no class weights"),
        ({"loss": {"bce": 1}, "class_weights": (1, 0)}, "weight of a class is 0"),
        ({"optimizer": "sgd"}, "optimizer: got 'sgd'"),
        ({"decay": "linear"}, "decay: got 'linear'"),
        ({"learning_rate": 0}, "learning_rate: got 0"),
        ({"learning_rate": float("nan")}, "learning_rate: got nan"),
        ({"weight_decay": 0.1}, "weight_decay: adam here has none"),
        ({"optimizer": "adamw", "weight_decay": 1}, "weight_decay: got 1"),
        ({"warm_up": 1}, "warm_up: got 1"),
        ({"averaging": -0.1}, "averaging: got -0.1"),
        ({"patience": -1}, "patience: got -1"),
    ],
)
def test_training_that_is_none(setting, match):
    """Each wrong setting is named."""
    with pytest.raises(ValueError, match=match):
        Training(**setting)


def test_train_model_ends_when_patience_is_over(dataset, tmp_path):
    """With a learning rate that is far too high the score soon gets no better: the best weights are kept."""
    wild = Training(optimizer="adamw", learning_rate=0.9, averaging=0.1, patience=2)
    model, history = train_tiny(dataset, tmp_path, epochs=40, training=wild)
    best = history["val_defect_dice"].to_numpy().argmax()
    assert len(history) == best + 3 < 40
    ids = dataset.training_ids
    watched = model.evaluate(ordered_batches(dataset, ids, SHAPE, BATCH_SIZE), verbose=0, return_dict=True)
    assert watched["defect_dice"] == pytest.approx(history["val_defect_dice"][best], abs=1e-6)
    assert watched["loss"] == pytest.approx(history["val_loss"][best], rel=1e-5)
    again, repeated = train_tiny(dataset, tmp_path, epochs=40, training=wild)
    pd.testing.assert_frame_equal(repeated, history)
    np.testing.assert_array_equal(weights_of(again), weights_of(model))
    assert sorted(path.name for path in tmp_path.iterdir()) == [HISTORY, TRAINED]


def test_train_model_whose_best_weights_are_lost(dataset, tmp_path, monkeypatch):
    """Stopped when patience was over, but before the best weights were taken up."""
    wild = Training(optimizer="adamw", learning_rate=0.9, averaging=0.1, patience=2)
    history = stop_training(dataset, tmp_path, 2, monkeypatch, epochs=2, training=wild)
    assert len(history) == 2
    (tmp_path / BEST).unlink()
    with pytest.raises(ValueError, match=r"best.npz: the weights of the best epoch are not there"):
        train_tiny(dataset, tmp_path, epochs=2, training=wild)


def test_train_model_watches_and_keeps_the_average(dataset, tmp_path, monkeypatch):
    """The validation sees the average of the weights, and the model ends with it."""
    stop_training(dataset, tmp_path, EPOCHS, monkeypatch, training=SCHEDULED)
    with np.load(tmp_path / CHECKPOINT) as checkpoint:
        last = [checkpoint[f"variable_{number}"] for number in range(4)]
    model, history = train_tiny(dataset, tmp_path, training=SCHEDULED)
    ids = dataset.training_ids
    watched = model.evaluate(ordered_batches(dataset, ids, SHAPE, BATCH_SIZE), verbose=0, return_dict=True)
    assert watched["loss"] == pytest.approx(history["val_loss"].iloc[-1], rel=1e-5)
    assert (np.concatenate([values.ravel() for values in last]) != weights_of(model)).all()


def test_seed_everything_repeats_all_sources_of_chance():
    """Python, NumPy and TensorFlow."""

    def tensorflow_draw():
        return tf.random.uniform(())

    def keras_draw():
        return keras.random.uniform(())

    draws = []
    for seed in (1, 1, 2):
        seed_everything(seed)
        draws.append(
            (random.random(), np.random.random(), float(tf.random.uniform(())), float(keras.random.uniform(())))
        )
    assert draws[0] == draws[1]
    assert all(first != other for first, other in zip(draws[0], draws[2], strict=True))


def test_settings_key_of_the_same_and_of_other_settings():
    """The order of the keys does not count; each value does, whatever it is."""
    settings = {"shape": (32, 64), "images": ["a", "b"], "rate": 1e-3, "folder": Path("x")}
    assert settings_key(settings) == settings_key(dict(reversed(settings.items())))
    for name, value in {"shape": (64, 32), "images": ["b", "a"], "rate": 2e-3, "folder": Path("y")}.items():
        assert settings_key(settings | {name: value}) != settings_key(settings)


def test_restore_checkpoint_brings_back_weights_and_optimizer(model, tmp_path):
    """With the moments of Adam, so that the next step is the one that would have followed."""
    batches = labelled_batches(1, 7)
    model.fit(batches, verbose=0, shuffle=False)
    save_checkpoint(model, tmp_path / CHECKPOINT, "key", [{"epoch": 1, "loss": float("nan")}])
    kept = [variable.numpy() for variable in model.optimizer.variables]
    weights = weights_of(model)
    model.fit(batches, verbose=0, shuffle=False)
    after_two = weights_of(model)

    history = restore_checkpoint(model, tmp_path / CHECKPOINT, "key")
    assert history[0]["epoch"] == 1
    assert np.isnan(history[0]["loss"])
    np.testing.assert_array_equal(weights_of(model), weights)
    for variable, value in zip(model.optimizer.variables, kept, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    model.fit(batches, verbose=0, shuffle=False)
    np.testing.assert_array_equal(weights_of(model), after_two)


def test_restore_checkpoint_where_there_is_none(model, tmp_path):
    """A first start."""
    assert restore_checkpoint(model, tmp_path / CHECKPOINT, "key") == []


def test_restore_checkpoint_of_other_settings_stays(model, tmp_path, capsys):
    """It is left alone, without a word."""
    save_checkpoint(model, tmp_path / CHECKPOINT, "other", [{"epoch": 1}])
    assert restore_checkpoint(model, tmp_path / CHECKPOINT, "key") == []
    assert (tmp_path / CHECKPOINT).exists()
    assert capsys.readouterr().err == ""


def damaged_in_the_middle(data):
    """The file with one byte changed amid the weights, which only the checksum tells."""
    middle = data.index(b"NUMPY", data.index(b"variable_0")) + 128
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def saved(save, *arguments, **arrays):
    """What one of NumPy's functions writes, as bytes."""
    file = io.BytesIO()
    save(file, *arguments, **arrays)
    return file.getvalue()


@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"",
        lambda data: b"no zip file",
        lambda data: data[:-30],
        lambda data: data[: len(data) // 3],
        damaged_in_the_middle,
        lambda data: saved(np.save, np.zeros(3)),
        lambda data: saved(np.savez, weights=np.zeros(3)),
        lambda data: saved(np.savez, key="key", history="[]"),
        lambda data: saved(np.savez, key="key", history="{", **dict.fromkeys(VARIABLES, 0)),
        lambda data: saved(np.savez, key="key", history="[1]", **dict.fromkeys(VARIABLES, 0)),
        lambda data: saved(np.savez, key="key", history="[]", **dict.fromkeys(VARIABLES, np.zeros(5))),
        lambda data: saved(np.savez, key=np.array(object()), history="[]"),
    ],
    ids=[
        "empty",
        "text",
        "end cut off",
        "truncated",
        "damaged",
        "single array",
        "other arrays",
        "no weights",
        "history no JSON",
        "history of numbers",
        "other shapes",
        "pickled",
    ],
)
def test_restore_checkpoint_puts_a_faulty_file_aside(model, tmp_path, capsys, change):
    """No weight changes, the file is kept under another name, and one line tells."""
    path = tmp_path / CHECKPOINT
    save_checkpoint(model, path, "key", [{"epoch": 1}])
    faulty = change(path.read_bytes())
    path.write_bytes(faulty)
    before = weights_of(model) + 1
    for weight in model.weights:
        weight.assign_add(np.ones(weight.shape))

    assert restore_checkpoint(model, path, "key") == []
    np.testing.assert_array_equal(weights_of(model), before)
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.faulty.npz"]
    assert (tmp_path / "checkpoint.faulty.npz").read_bytes() == faulty
    assert capsys.readouterr().err.startswith(f"{path}: this is no checkpoint of this training (")


ON_DEVICES = {"loss": {"bce": 1.0}, "learning_rate": 0.02, "decay": "cosine", "averaging": 0.3}
ON_TWO_DEVICES = """
import sys
from pathlib import Path
import numpy as np
import tensorflow as tf
(processor,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
from helpers.data.dataset import read_dataset
from helpers.models import train
from helpers.models.train import Training, training_strategy
from test_train import ON_DEVICES, StoppedError, train_tiny, weights_of

strategy = training_strategy(["CPU:0", "CPU:1"])
assert strategy.num_replicas_in_sync == 2
folder, dataset = Path(sys.argv[2]), read_dataset(sys.argv[1])
training = Training(**ON_DEVICES, optimizer=sys.argv[3])
with strategy.scope():
    def save_and_stop(model, path, key, history):
        save(model, path, key, history)
        if len(history) == 2:
            raise StoppedError
    save, train.save_checkpoint = train.save_checkpoint, save_and_stop
    try:
        train_tiny(dataset, folder, training=training, batch_size=2)
    except StoppedError:
        train.save_checkpoint = save
    model, history = train_tiny(dataset, folder, training=training, batch_size=2)
assert len(history) == 4
np.save(folder / "weights.npy", weights_of(model))
"""


# Muon makes as much of a gradient's weakest directions, which rounding decides, as of the strongest.
@pytest.mark.parametrize(("optimizer", "rounding"), [("adam", 1e-5), ("muon", 5e-3)])
def test_train_model_on_two_devices(tmp_path, optimizer, rounding):
    """Each takes its share of every batch: the same weights as on one, also after going on, but for rounding.

    Six images in batches of two, since where a batch doesn't divide evenly the devices' shares count the same.
    """
    dataset = tiny_dataset(tmp_path / "tiny", 6)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    command = [sys.executable, "-c", ON_TWO_DEVICES, str(dataset.directory), str(tmp_path), optimizer]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    training = Training(**ON_DEVICES, optimizer=optimizer)
    model, _ = train_tiny(dataset, tmp_path / "one", training=training, batch_size=2)
    np.testing.assert_allclose(np.load(tmp_path / "weights.npy"), weights_of(model), atol=rounding)
