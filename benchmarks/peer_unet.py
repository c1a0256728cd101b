"""The peer of `benchmarks/versus_unet.py`: a U-Net on ResNet18 of segmentation-models-pytorch, in its own environment.

    pip install -r benchmarks/peer-requirements.txt
    pip install --no-deps -r benchmarks/peer-requirements-no-deps.txt

It is given a folder of arrays by that script, trains for so many minutes, and leaves its probabilities there.
"""

import argparse
import json
import math
import queue
import threading
import time
from pathlib import Path

import numpy as np
import torch

from helpers.data.augment import Augmentation, augment, crop

# torchvision without its compiled part, which needs CUDA, can't be imported unless these two are declared.
DECLARED = torch.library.Library("torchvision", "DEF")
for operator in ("nms", "qnms"):
    DECLARED.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import segmentation_models_pytorch as smp  # noqa: E402

UNTIMED, TIMED = 3, 12


def batches(folder, batch_size, seed):
    """Endless batches, shuffled and augmented as ours are, made in a thread of their own."""
    images, masks = (np.load(folder / f"train_{name}.npy", mmap_mode="r") for name in ("images", "masks"))
    waiting, changes = queue.Queue(4), Augmentation(**ABOUT["augmentation"])

    def work():
        epoch = 0
        while True:
            rng = np.random.default_rng((seed, epoch))
            order = rng.permutation(len(images))
            for start in range(0, len(order), batch_size):
                pairs = [(images[i], masks[i]) for i in order[start : start + batch_size]]
                if ABOUT["window"]:
                    pairs = [crop(*pair, rng, ABOUT["window"]) for pair in pairs]
                pairs = [augment(*pair, rng, changes) for pair in pairs]
                found_images, found_masks = (np.stack(arrays) for arrays in zip(*pairs, strict=True))
                waiting.put((to_tensor(found_images) / 255, to_tensor(found_masks)))
            epoch += 1

    threading.Thread(target=work, daemon=True).start()
    while True:
        yield waiting.get()


def to_tensor(array):
    """Float tensor (batch, channels, height, width) of an array (batch, height, width, channels)."""
    tensor = torch.from_numpy(np.ascontiguousarray(np.moveaxis(array, -1, 1))).float()
    return tensor.contiguous(memory_format=torch.channels_last)


def loss_of(logits, masks):
    """Ours in torch: mean cross-entropy, plus the mean over the classes of one minus the Tversky index."""
    probabilities = torch.sigmoid(logits)
    shared = (probabilities * masks).sum((0, 2, 3))
    missed, invented = masks.sum((0, 2, 3)) - shared, probabilities.sum((0, 2, 3)) - shared
    wrong = ABOUT["tversky_alpha"] * missed + (1 - ABOUT["tversky_alpha"]) * invented
    return torch.nn.functional.binary_cross_entropy_with_logits(logits, masks) + (wrong / (shared + wrong + 1)).mean()


def learning_rate(step, total):
    """Warm-up and cosine decay, as ours."""
    warm_up = ABOUT["warm_up"] * total
    if step < warm_up:
        return ABOUT["learning_rate"] * step / warm_up
    return ABOUT["learning_rate"] * 0.5 * (1 + math.cos(math.pi * (step - warm_up) / (total - warm_up)))


def train(folder, minutes, seed, half):
    """Train as many steps as fit into so many minutes by the time of the first ones, as ours; (model, what it took)."""
    torch.manual_seed(seed)
    model = smp.Unet("resnet18", encoder_weights=None, in_channels=1, classes=ABOUT["num_classes"])
    model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), ABOUT["learning_rate"], weight_decay=ABOUT["weight_decay"])
    mean, deviation = ABOUT["grey_mean"], ABOUT["grey_deviation"]
    total, started, stepped = math.inf, time.perf_counter(), 0.0
    for step, (images, masks) in enumerate(batches(folder, ABOUT["batch_size"], seed)):
        if step == UNTIMED:
            stepped = time.perf_counter()
        if step == UNTIMED + TIMED:
            now = time.perf_counter()
            total = step + int((60 * minutes - (now - started)) / ((now - stepped) / TIMED))
        if step >= total:
            break
        rate = learning_rate(step, total if total < math.inf else 1e9)
        for group in optimizer.param_groups:
            group["lr"] = rate
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            logits = model((images - mean) / deviation)
        loss = loss_of(logits.float(), masks)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    seconds = time.perf_counter() - started
    parameters = sum(weights.numel() for weights in model.parameters())
    return model, {"steps": step, "seconds": seconds, "parameters": parameters}


@torch.no_grad()
def predict(model, images, batch_size=16):
    """Probabilities (images, height, width, classes) in half precision."""
    model.eval()
    found = []
    for start in range(0, len(images), batch_size):
        batch = to_tensor(images[start : start + batch_size]) / 255
        logits = model((batch - ABOUT["grey_mean"]) / ABOUT["grey_deviation"])
        found.append(torch.sigmoid(logits).permute(0, 2, 3, 1).numpy().astype(np.float16))
    return np.concatenate(found)


def main():
    """Train, predict and tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bfloat16", action="store_true", help="multiply in bfloat16 while training, by autocast")
    arguments = parser.parse_args()
    ABOUT.update(json.loads((arguments.folder / "about.json").read_text()))
    model, took = train(arguments.folder, arguments.minutes, arguments.seed, arguments.bfloat16)
    for part in ("validation", "holdout"):
        images = np.load(arguments.folder / f"{part}_images.npy", mmap_mode="r")
        np.save(arguments.folder / f"peer_{part}.npy", predict(model, images))
    took["versions"] = {"torch": torch.__version__, "segmentation-models-pytorch": smp.__version__}
    (arguments.folder / "peer.json").write_text(json.dumps(took))


ABOUT = {}

if __name__ == "__main__":
    main()
