"""From minutes to steps."""

import time

import numpy as np
import pytest
import tensorflow as tf

from helpers.models import budget
from helpers.models.budget import BUDGET, Budget, divide_time, plan_budget
from helpers.models.stages import Stage
from helpers.models.train import Training, compile_model, training_variables
from tiny_models import SHAPE, tiny_model


@pytest.mark.parametrize(
    ("seconds", "step", "look", "epochs", "steps_per_epoch"),
    [
        (200, 1.0, 5.0, 2, 95),  # two looks take a twentieth of the time, and 190 seconds are left
        (100, 1.0, 50.0, 1, 50),  # one look there is always
        (1000, 0.1, 0.1, 40, 249),  # 40 looks at most: 996 seconds are left
        (10, 3.0, 0.001, 1, 3),  # no more epochs than steps in each
        (10, 0.6, 0.001, 4, 4),
        (1, 5.0, 3.0, 1, 1),  # one step there is always
        (600, 0.25, 0.0, 40, 60),  # looking takes no time
    ],
)
def test_divide_time_worked_by_hand(seconds, step, look, epochs, steps_per_epoch):
    found = divide_time(seconds, step, look)
    assert found == Budget(epochs, steps_per_epoch, step, look)
    assert found.total_steps == epochs * steps_per_epoch


@pytest.mark.parametrize(
    ("most_steps", "epochs", "steps_per_epoch"),
    [
        (40, 1, 40),  # two seconds of looking are less than a look takes
        (150, 1, 150),  # as are seven and a half
        (190, 2, 95),  # ten are two looks, as without an end
        (1000, 2, 95),  # the time is over before
        (1, 1, 1),
    ],
)
def test_divide_time_where_the_steps_have_an_end(most_steps, epochs, steps_per_epoch):
    assert divide_time(200, 1.0, 5.0, most_steps) == Budget(epochs, steps_per_epoch, 1.0, 5.0)
    assert divide_time(100, 1.0, 0.0, 75) == Budget(8, 9, 1.0, 0.0)


@pytest.fixture
def model():
    """A tiny model, compiled with all that has a state."""
    return compile_model(tiny_model(), Training(optimizer="adamw", averaging=0.5, decay="cosine"), 100)


@pytest.fixture
def batches():
    """Two batches of noise."""
    rng = np.random.default_rng(0)
    images = rng.random((4, *SHAPE, 1), np.float32)
    masks = (rng.random((4, *SHAPE, 4)) > 0.5).astype(np.uint8)
    return tf.data.Dataset.from_tensor_slices((images, masks)).batch(2)


def whole(batches):
    """A training of one stage alone."""
    return [Stage(lambda first_step: batches.repeat())]


def test_plan_budget_measures_and_leaves_the_model_alone(model, batches, tmp_path):
    """The state of model and optimizer is as before, to the bit; the plan fits the time by its own measure."""
    before = [variable.numpy() for variable in training_variables(model)]
    plan = plan_budget(model, whole(batches), batches, minutes=0.1, folder=tmp_path, settings={})
    for variable, value in zip(training_variables(model), before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    assert plan.seconds_per_step > 0 and plan.seconds_per_look > 0
    taken = plan.total_steps * plan.seconds_per_step + plan.epochs * plan.seconds_per_look
    assert taken <= 6 + 1e-9
    assert taken > 6 - (plan.epochs + 1) * plan.seconds_per_step - plan.seconds_per_look


def test_plan_budget_is_kept(model, batches, tmp_path, monkeypatch):
    """With the same settings and minutes nothing is measured again; with others it is."""
    arguments = (model, whole(batches), batches)
    first = plan_budget(*arguments, minutes=0.1, folder=tmp_path, settings={"seed": 1})
    monkeypatch.setattr(budget, "_measure", lambda *parts: (2.0, 1.0))
    assert plan_budget(*arguments, minutes=0.1, folder=tmp_path, settings={"seed": 1}) == first
    assert plan_budget(*arguments, minutes=0.2, folder=tmp_path, settings={"seed": 1}).seconds_per_step == 2
    assert plan_budget(*arguments, minutes=0.1, folder=tmp_path, settings={"seed": 2}).seconds_per_step == 2
    assert [path.name for path in tmp_path.iterdir()] == [BUDGET]


def test_plan_budget_of_two_stages(model, batches, tmp_path, monkeypatch):
    """Each is timed by itself, and counts by its share of the steps."""
    quick, slow = batches.repeat(), batches.repeat()
    stages = [Stage(lambda first_step: quick, 0.75), Stage(lambda first_step: slow, 0.25)]
    monkeypatch.setattr(budget, "_time_step", lambda model, batches: 1.0 if batches is quick else 3.0)
    plan = plan_budget(model, stages, None, minutes=2.0, folder=tmp_path, settings={})
    assert plan == Budget(8, 10, 1.5, 0.0)


def test_plan_budget_times_what_was_read_before(model, batches, tmp_path, monkeypatch):
    """The first reading of the images takes no part in the time of a step."""
    read = []

    def slow_at_first(images, masks):
        def wait(images):
            time.sleep(0.0 if len(read) >= budget.UNTIMED + budget.TIMED else 0.1)
            read.append(1)
            return images

        waited = tf.numpy_function(wait, [images], tf.float32)
        waited.set_shape(images.shape)
        return waited, masks

    slow = batches.repeat().map(slow_at_first)
    plan = plan_budget(model, [Stage(lambda first_step: slow)], None, minutes=1.0, folder=tmp_path, settings={})
    assert len(read) >= 2 * (budget.UNTIMED + budget.TIMED)
    assert plan.seconds_per_step < 0.09


@pytest.mark.parametrize("minutes", [0, -1, float("nan"), float("inf")])
def test_plan_budget_of_no_time(minutes, tmp_path):
    with pytest.raises(ValueError, match=f"minutes: got {minutes}"):
        plan_budget(None, None, None, minutes=minutes, folder=tmp_path, settings={})


def test_plan_budget_of_a_slow_network_times_few_steps(model, batches, tmp_path, monkeypatch):
    """Four where a step takes long; else 26."""
    for enough, steps in ((0.0, 4), (1e9, budget.UNTIMED + budget.TIMED)):
        monkeypatch.setattr(budget, "ENOUGH", enough)
        ends = budget.StepEnds(enough)
        model.fit(batches.repeat(), steps_per_epoch=26, shuffle=False, callbacks=[ends], verbose=0)
        assert len(ends.times) == steps
        plan = plan_budget(model, whole(batches), None, minutes=0.1, folder=tmp_path / str(steps), settings={})
        assert plan.seconds_per_step > 0
