"""The peer of `benchmarks/engines.py`: a U-Net on ResNet18 of segmentation-models-pytorch, in its own environment.

It prints images a second as JSON: through the network alone, and from the file to the runs, where images are read ahead
in threads as PyTorch's loaders do. The weights are random, and the last bias says that there is next to nothing, as on
good steel: what random weights alone would mark all over takes long to encode.
"""

import argparse
import itertools
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import torch
from peer_unet import smp, to_tensor

from helpers.rle import mask2rle

SHAPE, CLASSES, BATCH, THRESHOLD = (256, 1600), 4, 8, 0.5
BIAS = -5.0


def read_batch(paths):
    """Grey images as uint8 array (n, height, width, 1)."""
    images = [cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE) for path in paths]
    return np.stack([cv2.resize(image, SHAPE[::-1], interpolation=cv2.INTER_AREA) for image in images])[..., None]


def batches_of(paths):
    """Endless lists of paths."""
    paths = itertools.cycle(paths)
    while True:
        yield list(itertools.islice(paths, BATCH))


def read_ahead(paths):
    """Endless batches, the next one read while this one is used."""
    with ThreadPoolExecutor(1) as pool:
        waiting = None
        for some in batches_of(paths):
            following = pool.submit(read_batch, some)
            if waiting is not None:
                yield waiting.result()
            waiting = following


@torch.inference_mode()
def probabilities(model, batch):
    """Float array (n, classes, height, width)."""
    return torch.sigmoid(model(to_tensor(batch) / 255)).numpy()


def count_a_second(steps, seconds):
    """Images a second of an endless generator that yields once a batch, after two that are not timed."""
    for _ in range(2):
        next(steps)
    begun = time.perf_counter()
    for number in itertools.count(1):
        next(steps)
        taken = time.perf_counter() - begun
        if taken >= seconds and number >= 2:
            steps.close()
            return number * BATCH / taken


def network_alone(model, paths):
    """Predict the same batch again and again."""
    batch = read_batch(next(batches_of(paths)))
    while True:
        yield probabilities(model, batch)


def whole(model, paths):
    """From the file to the runs."""
    for batch in read_ahead(paths):
        masks = probabilities(model, batch) >= THRESHOLD
        yield [[mask2rle(mask) for mask in image] for image in masks]


def main():
    """Time and tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path)
    parser.add_argument("--seconds", type=float, default=20)
    arguments = parser.parse_args()
    model = smp.Unet("resnet18", encoder_weights=None, in_channels=1, classes=CLASSES)
    torch.nn.init.constant_(model.segmentation_head[0].bias, BIAS)
    model = model.eval().to(memory_format=torch.channels_last)
    paths = sorted(arguments.images.iterdir())
    print(
        json.dumps(
            {
                "name": f"PyTorch {torch.__version__}, segmentation-models-pytorch {smp.__version__}",
                "network_images_per_second": count_a_second(network_alone(model, paths), arguments.seconds),
                "images_per_second": count_a_second(whole(model, paths), arguments.seconds),
            }
        )
    )


if __name__ == "__main__":
    main()
