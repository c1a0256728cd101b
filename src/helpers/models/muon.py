"""Muon for convolutions: an optimizer whose steps go equally far in all directions of a kernel."""

import math
import re

import keras
from keras import ops

KERNEL_AXES = 4  # of a convolution: height, width, channels that come in, filters
ADAMW_SHARE = 0.15  # of the learning rate, for what AdamW steps
ITERATIONS = 3  # towards the orthogonal matrix; Keras's five learn no better, and take an eighth of a step's time


@keras.saving.register_keras_serializable("helpers")
class ConvolutionMuon(keras.optimizers.Muon):
    """Keras's Muon, which knows matrices alone, for kernels of convolutions; AdamW steps all else.

    A kernel is a matrix with a column for each filter. Its averaged gradient is replaced by a nearly orthogonal matrix
    of the same directions, whose numbers are about a fifth of the learning rate, whatever the kernel's shape.

    Source:
        Jordan and others (2024), https://kellerjordan.github.io/posts/muon/; the length of a step: Liu and others
        (2025), arXiv:2502.16982. `ADAMW_SHARE` and `ITERATIONS` are ours.
    """

    def __init__(self, *arguments, adam_lr_ratio=ADAMW_SHARE, ns_steps=ITERATIONS, **settings):
        """As `keras.optimizers.Muon`."""
        super().__init__(*arguments, adam_lr_ratio=adam_lr_ratio, ns_steps=ns_steps, **settings)

    def _should_use_adamw(self, variable):
        """Whether AdamW steps a variable: all but kernels, and those of the layers in `exclude_layers`."""
        is_kernel = len(variable.shape) == KERNEL_AXES
        return not is_kernel or any(re.search(words, variable.path) for words in self.exclude_layers)

    def zeropower_via_newtonschulz5(self, x, steps):
        """The nearly orthogonal tensor in the place of a kernel's averaged gradient, of the same shape."""
        matrix = ops.reshape(x, (-1, x.shape[-1]))
        return ops.reshape(super().zeropower_via_newtonschulz5(matrix, steps), x.shape)

    def lr_adjust(self, x):
        """A kernel's step, of the length that its shape asks for."""
        *sides, filters = x.shape
        return x * (self.rms_rate * math.sqrt(max(math.prod(sides), filters)))


def answers_of(model):
    """What `exclude_layers` takes: a pattern for the last convolution, which gives the answers and learns by AdamW.

    Args:
        model: keras.Model.

    Returns:
        List of one pattern, or of none where there is no convolution.
    """
    paths = [weight.path for weight in model.trainable_variables if len(weight.shape) == KERNEL_AXES]
    return [f"^{re.escape(path)}$" for path in paths[-1:]]
