"""Muon for convolutions: an optimizer whose steps go equally far in all directions of a kernel."""

import math
import re

import keras
from keras import ops

KERNEL_AXES = 4  # of a convolution: height, width, channels that come in, filters
LENGTH = 0.5  # of a kernel's step: the root mean square of its numbers, as a multiple of the learning rate


@keras.saving.register_keras_serializable("helpers")
class ConvolutionMuon(keras.optimizers.Muon):
    """Keras's Muon, which knows matrices alone, for kernels of convolutions; AdamW steps all else.

    A kernel is a matrix with a column for each filter. Its averaged gradient is replaced by a nearly orthogonal matrix
    of the same directions, whose length doesn't depend on the kernel's shape, so that one learning rate is right for
    all.

    Source:
        Jordan and others (2024), https://kellerjordan.github.io/posts/muon/; a length for all shapes: Liu and others
        (2025), arXiv:2502.16982, who take 0.2, as long as AdamW's steps. `LENGTH` is ours.
    """

    def __init__(self, *arguments, rms_rate=LENGTH, **settings):
        """As `keras.optimizers.Muon`."""
        super().__init__(*arguments, rms_rate=rms_rate, **settings)

    def _should_use_adamw(self, variable):
        """Whether AdamW steps a variable: all but kernels, and those of the layers in `exclude_layers`."""
        is_kernel = len(variable.shape) == KERNEL_AXES
        return not is_kernel or any(re.search(words, variable.path) for words in self.exclude_layers)

    def zeropower_via_newtonschulz5(self, x, steps):
        """The nearly orthogonal tensor in the place of a kernel's averaged gradient, of the same shape."""
        matrix = ops.reshape(x, (-1, x.shape[-1]))
        return ops.reshape(super().zeropower_via_newtonschulz5(matrix, steps), x.shape)

    def lr_adjust(self, x):
        """A kernel's step, of its length."""
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
