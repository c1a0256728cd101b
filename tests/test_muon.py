"""Muon for convolutions, beside what it is made of."""

import keras
import numpy as np
import pytest

from helpers.models.muon import ADAMW_SHARE, ConvolutionMuon, answers_of

RATE, DECAY = 0.02, 0.1
RNG = np.random.default_rng(0)


def stepped(optimizer, start, gradients, name="kernel"):
    """What an optimizer makes of a variable by some gradients."""
    variable = keras.Variable(start, name=name)
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
    return np.asarray(variable)


@pytest.mark.parametrize("shape", [(3, 3, 4, 6), (1, 1, 5, 12), (3, 3, 1, 8)])
def test_a_kernel_goes_equally_far_in_all_directions_of_its_gradient(shape):
    """The first step's singular values are near one another, however far the gradient's are apart."""
    rows, columns = int(np.prod(shape[:3])), shape[3]
    left, _ = np.linalg.qr(RNG.normal(size=(rows, min(rows, columns))))
    right, _ = np.linalg.qr(RNG.normal(size=(columns, min(rows, columns))))
    strengths = np.geomspace(1, 0.05, min(rows, columns))
    gradient = (left * strengths @ right.T).reshape(shape).astype(np.float32)
    start = RNG.normal(size=shape).astype(np.float32)
    optimizer = ConvolutionMuon(RATE, weight_decay=0.0)
    step = (start - stepped(optimizer, start, [gradient])).reshape(rows, columns)
    length = RATE * 0.2 * max(rows, columns) ** 0.5
    along = left.T @ step @ right / length
    assert np.all((np.diag(along) > 0.6) & (np.diag(along) < 1.3))
    np.testing.assert_allclose(along - np.diag(np.diag(along)), 0, atol=1e-3)
    assert 0.12 * RATE < np.sqrt(np.mean(step**2)) < 0.26 * RATE


@pytest.mark.parametrize(("shape", "name"), [((7,), "beta"), ((4, 3), "kernel"), ((3, 3, 2, 4), "answers")])
def test_all_but_kernels_and_the_answers_step_by_adamw(shape, name):
    start, gradients = RNG.normal(size=shape), RNG.normal(size=(5, *shape))
    """At their share of the learning rate; they decay as kernels do."""
    muon = ConvolutionMuon(RATE, weight_decay=DECAY, adam_weight_decay=DECAY, exclude_layers=["answers"])
    adamw = keras.optimizers.AdamW(ADAMW_SHARE * RATE, weight_decay=DECAY / ADAMW_SHARE)
    np.testing.assert_allclose(
        stepped(muon, start, gradients, name), stepped(adamw, start, gradients, name), rtol=1e-5, atol=1e-6
    )


def test_a_kernel_decays():
    """Without a gradient nothing else happens: by learning rate times decay a step."""
    start = RNG.normal(size=(3, 3, 2, 4))
    found = stepped(ConvolutionMuon(RATE, weight_decay=DECAY), start, np.zeros((2, 3, 3, 2, 4)))
    np.testing.assert_allclose(found, start * (1 - RATE * DECAY) ** 2, rtol=1e-5)


def test_answers_of_a_network_are_its_last_convolution():
    image = keras.Input((8, 8, 1))
    inner = keras.layers.Conv2D(4, 3, name="inner")(image)
    model = keras.Model(image, keras.layers.Conv2D(2, 1, name="last")(inner))
    (pattern,) = answers_of(model)
    optimizer = ConvolutionMuon(exclude_layers=[pattern])
    found = {weight.path: optimizer._should_use_adamw(weight) for weight in model.trainable_variables}
    assert found == {"inner/kernel": False, "inner/bias": True, "last/kernel": True, "last/bias": True}


def test_answers_of_a_network_without_convolutions():
    image = keras.Input((4,))
    assert answers_of(keras.Model(image, keras.layers.Dense(2)(image))) == []
