"""What does a training step of a network take? Time and memory, without any data.

    python benchmarks/step.py [--model steel_unet] [--batch-size 8] [--shape 128x800] [--steps 30]

The images and masks are random and lie in memory, so that it is the network, the loss and the optimizer that are
measured. The result is stored under `benchmarks/results/`.
"""

import argparse
import itertools
import os
import resource
import statistics
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
import tensorflow as tf
from common import RESULTS, machine

from helpers.files import write_json
from helpers.models.budget import StepEnds
from helpers.models.build import build_model
from helpers.models.describe import count_multiply_adds
from helpers.models.precision import built_in, choose_precision
from helpers.models.recipes import find_recipe
from helpers.models.train import compile_model

CLASSES = 4
UNTIMED = 5  # steps that build the graph and fill the buffers


def main():
    """Step, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="steel_unet")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--shape", default="128x800")
    parser.add_argument("--steps", type=int, default=30)
    arguments = parser.parse_args()
    shape = tuple(map(int, arguments.shape.split("x")))
    recipe = find_recipe(arguments.model)
    precision = choose_precision()
    with built_in(precision):  # as a training is
        model = build_model(arguments.model, shape, CLASSES, **recipe.arguments)
    compile_model(model, recipe.training, 1000)
    rng = np.random.default_rng(0)
    images = rng.random((arguments.batch_size, *shape, 1), np.float32)
    masks = (rng.random((arguments.batch_size, *shape, CLASSES)) < 0.02).astype(np.uint8)
    batches, ends = tf.data.Dataset.from_tensors((images, masks)).repeat(), StepEnds()
    model.fit(batches, steps_per_epoch=UNTIMED + arguments.steps, callbacks=[ends], verbose=0)
    seconds = [after - before for before, after in itertools.pairwise(ends.times[UNTIMED - 1 :])]
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "darwin" else 1)
    result = {
        "model": arguments.model,
        "parameters": model.count_params(),
        "multiply_adds": count_multiply_adds(model),
        "shape": shape,
        "batch_size": arguments.batch_size,
        "optimizer": recipe.training.optimizer,
        "precision": precision,
        "steps": arguments.steps,
        "seconds_per_step": round(statistics.median(seconds), 4),
        "peak_memory_mib": kilobytes // 1024,
        **machine(),
    }
    print(result)
    name = f"step-{arguments.model}-{arguments.batch_size}x{arguments.shape}.json"
    write_json(RESULTS / name, result)


if __name__ == "__main__":
    main()
