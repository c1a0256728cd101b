"""From minutes to steps: the time of a step is measured once, and fixes how long a training is."""

import itertools
import math
import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import keras

from helpers.files import read_json, write_json
from helpers.models.train import settings_key, training_variables

BUDGET = "budget.json"
WATCHED_SHARE = 0.05  # of the time, at most, goes to looking at the validation part
MOST_EPOCHS = 40
UNTIMED, TIMED = 6, 20  # steps; the first ones build the graph and fill the buffers
FEW, ENOUGH = 3, 20.0  # steps, and seconds after which no more are timed or read once there are more than these few


@dataclass(frozen=True)
class Budget:
    """How long a training is.

    Attributes:
        epochs: number of epochs, each with a look at the validation part.
        steps_per_epoch: batches in an epoch.
        seconds_per_step: as measured; 0 where none was.
        seconds_per_look: time of one look at the validation part, as measured; 0 where none was.
    """

    epochs: int
    steps_per_epoch: int
    seconds_per_step: float = 0.0
    seconds_per_look: float = 0.0

    @property
    def total_steps(self):
        """Batches of the whole training."""
        return self.epochs * self.steps_per_epoch


def plan_budget(model, stages, validation, *, minutes, folder, settings, most_steps=math.inf):
    """Measure a compiled model's step, and plan a training of about so many minutes.

    What was planned is kept in `budget.json`, so that a training that goes on, or is repeated, takes the same steps;
    with other settings or minutes it is planned anew. The model and its optimizer stay as they are.

    Args:
        model: compiled keras.Model.
        stages: list of `Stage`. Their batches are timed after the images were read once: reading them for the first
            time comes on top.
        validation: tf.data.Dataset of (images, masks) that will be looked at after each epoch, or None.
        minutes: time for the training, its looks at the validation part included.
        folder: where `budget.json` is kept.
        settings: dict of all that decides the training's course, minutes and steps not among them.
        most_steps: steps at which the training ends where the time allows more.

    Returns:
        A `Budget`.

    Raises:
        ValueError: `minutes` is not above 0.
    """
    if not 0 < minutes < float("inf"):
        raise ValueError(f"minutes: got {minutes}, expected a number above 0. 20 is a beginning on two cores.")
    end = {"most_steps": most_steps} if most_steps < math.inf else {}
    path, key = Path(folder) / BUDGET, settings_key({**settings, "minutes": minutes, **end})
    if path.is_file() and (kept := read_json(path)).get("key") == key:
        return Budget(**{name: kept[name] for name in Budget.__dataclass_fields__})
    budget = divide_time(60 * minutes, *_measure(model, stages, validation), most_steps)
    write_json(path, {"key": key, "minutes": minutes, **asdict(budget)})
    return budget


def divide_time(seconds, seconds_per_step, seconds_per_look, most_steps=math.inf):
    """Divide a time into steps and looks at the validation part.

    Looks take at most a twentieth of the time, unless there is but one, and there are at most 40, and no more of them
    than steps from one to the next. Where the steps have an end before the time does, it is divided as if it were so
    much shorter.

    Example:
        >>> divide_time(200, 1.0, 5.0)
        Budget(epochs=2, steps_per_epoch=95, seconds_per_step=1.0, seconds_per_look=5.0)
    """
    needed = min(seconds, most_steps * seconds_per_step / (1 - WATCHED_SHARE))
    epochs = int(min(MOST_EPOCHS, max(1, WATCHED_SHARE * needed // max(seconds_per_look, 1e-9))))
    steps = min(most_steps, (seconds - epochs * seconds_per_look) / seconds_per_step)
    epochs = max(1, min(epochs, math.isqrt(max(0, int(steps)))))
    return Budget(epochs, max(1, int(steps // epochs)), seconds_per_step, seconds_per_look)


class StepEnds(keras.callbacks.Callback):
    """When each step ended. A training that is watched waits for each step, and so does one with this callback.

    Attributes:
        times: seconds on a clock of their own, one for each step.
        enough: seconds after which the training is stopped, once a few steps ended; None lets it go on.
    """

    def __init__(self, enough=None):
        super().__init__()
        self.times, self.enough = [], enough

    def on_train_batch_end(self, batch, logs=None):
        """Note the time."""
        self.times.append(time.perf_counter())
        if self.enough is not None and len(self.times) > FEW and self.times[-1] - self.times[0] > self.enough:
            self.model.stop_training = True


def _measure(model, stages, validation):
    """Seconds of a step and of a look at the validation part; the model is put back as it was."""
    variables = training_variables(model)
    before = [keras.ops.convert_to_numpy(variable) for variable in variables]
    step = sum(stage.share * _time_step(model, stage.make_batches(0)) for stage in stages)
    look = 0.0
    if validation is not None:
        model.evaluate(validation.take(1), verbose=0)
        started = time.perf_counter()
        model.evaluate(validation, verbose=0)
        look = time.perf_counter() - started
    for variable, value in zip(variables, before, strict=True):
        variable.assign(value)
    return step, look


def _time_step(model, batches):
    """Seconds of a step on batches that were read before, as they are where a training sees its images many times."""
    begun, read = time.perf_counter(), 0
    for _ in batches.take(UNTIMED + TIMED):
        read += 1
        if read > FEW and time.perf_counter() - begun > ENOUGH:
            break
    ends = StepEnds(ENOUGH)
    model.fit(batches, steps_per_epoch=read, epochs=1, shuffle=False, callbacks=[ends], verbose=0)
    first = min(UNTIMED, len(ends.times) // 3)
    return statistics.median(after - before for before, after in itertools.pairwise(ends.times[first:]))
