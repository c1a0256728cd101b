"""In which precision to train: half where the machine multiplies it quicker, with weights that stay whole."""

from contextlib import contextmanager
from pathlib import Path

import keras
import tensorflow as tf

PROCESSOR = Path("/proc/cpuinfo")
QUICK_FLAGS = {"avx512_bf16", "amx_bf16"}  # of processors that multiply bfloat16 themselves
WHOLE, ON_GPUS, ON_PROCESSORS = "float32", "mixed_float16", "mixed_bfloat16"
PRECISIONS = (WHOLE, ON_GPUS, ON_PROCESSORS)


def choose_precision(processor=PROCESSOR):
    """The precision that suits this machine.

    Args:
        processor: the file in which Linux describes its processors; elsewhere there is none.

    Returns:
        "mixed_float16" with a GPU; "mixed_bfloat16" on a processor that multiplies bfloat16 itself, where a training
        step takes about two thirds of the time; else "float32".
    """
    if tf.config.list_logical_devices("GPU"):
        return ON_GPUS
    text = processor.read_text(encoding="utf-8", errors="replace") if processor.is_file() else ""
    flags = {flag for line in text.splitlines() if line.startswith("flags") for flag in line.partition(":")[2].split()}
    return ON_PROCESSORS if flags & QUICK_FLAGS else WHOLE


@contextmanager
def built_in(precision):
    """Networks that are built within multiply in this precision; their weights, and what they give, are float32.

    Args:
        precision: one of `PRECISIONS`.

    Raises:
        ValueError: it is none of them.
    """
    if precision not in PRECISIONS:
        raise ValueError(
            f"precision: got {precision!r}, expected one of: {', '.join(PRECISIONS)}; or leave it empty for what this "
            "machine is quick at."
        )
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
