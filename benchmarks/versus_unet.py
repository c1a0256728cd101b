"""Our network beside a U-Net on ResNet18, for the same minutes on the same machine.

    python benchmarks/versus_unet.py DATA --peer PYTHON [--minutes 10] [--seeds 3] [--window 128]
        [--split publisher]

DATA is a data set in the competition's layout, such as NEU-Seg after `steel import-masks`. PYTHON is the interpreter of
the peer's environment (see `benchmarks/peer_unet.py`). Both get the same images at the network's size, whole or in
windows, the same split by groups of copies, augmentation, loss, batch size and schedule; ours is measured with several
seeds. Ours learns by Muon, and first on smaller copies of the images, as its recipe says; the peer by AdamW, as is
usual. Ours multiplies in bfloat16 where the processor does, as it always trains; the peer is trained as is usual, in
float32, and where ours takes bfloat16 once more with that. All are scored on the holdout at the images' own size with a
threshold of 0.5. Nothing else should run then; the steps are planned by the time of the first ones and all taken, so
that where something did run, more seconds show it. The result is stored under `benchmarks/results/` after each
training; the same command goes on with those that are missing.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
from common import LATER, PROCESSOR, RESULTS, SPLIT_SEED, WITH_OURS, score, split_by_groups

from helpers.counts import PixelCounts, pixel_counts
from helpers.data.augment import Augmentation
from helpers.data.dataset import read_dataset
from helpers.data.leaks import published_parts
from helpers.data.resize import network_shape, resize_probabilities
from helpers.data.split import HOLDOUT, TRAIN, VALIDATION
from helpers.data.statistics import grey_statistics
from helpers.files import read_json, write_json
from helpers.inference.evaluate import count_pixels
from helpers.inference.judging import Plan
from helpers.models.batches import load_example
from helpers.models.describe import count_multiply_adds
from helpers.models.precision import ON_PROCESSORS, choose_precision
from helpers.models.recipes import find_recipe

ROOT = Path(__file__).absolute().parents[1]
AUGMENTATION = Augmentation(zoom=0.2, turn=5.0, quarter_turn=0.5)
PEER_LEARNING_RATE = 1e-3
SHARED = ("batch_size", "augmentation", "window", "weight_decay", "warm_up")  # settings of our recipe that the peer has


def shared_recipe(name, batch_size, window):
    """Our recipe, with what both have in common: each image once an epoch, the same windows, changes and time."""
    recipe = find_recipe(name, batch_size=batch_size)
    return replace(recipe, lift=0.0, longest=0.0, window=window, augmentation=AUGMENTATION, most_draws=0.0)


def split_data(dataset, which):
    """Table with image_id, group and split: ours by group, or the publisher's with a validation part cut from it."""
    split = split_by_groups(dataset)
    if which == "publisher":
        parts = published_parts(dataset)
        parts = parts[[f"train_images/{image_id}" for image_id in split["image_id"]]].to_numpy()
        split["split"] = np.where(parts == "test", HOLDOUT, np.where(split["split"] == VALIDATION, VALIDATION, TRAIN))
    return split


def train_ours(dataset, split, shape, seed, minutes, recipe, folder):
    """Train and score one of our networks; dict of its scores and of what it took."""
    train, validation, holdout = (split[split["split"] == part] for part in (TRAIN, VALIDATION, HOLDOUT))
    mean, deviation = grey_statistics(dataset, train["image_id"])
    arguments = {"channels": 1, "grey_mean": mean, "grey_deviation": deviation, **recipe.arguments}
    plan = Plan(recipe, arguments, dataset, split, shape, 1, folder, seed, minutes=minutes)
    model, history, settings = plan.train(train, validation, folder)
    bundle = {
        "input_shape": shape,
        "channels": 1,
        "mirrored": False,
        "thresholds": [0.5] * dataset.num_classes,
        "smallest_masks": [0.0] * dataset.num_classes,
    }
    counts = count_pixels(model, bundle, dataset, holdout["image_id"])
    return {
        "seed": seed,
        "precision": settings["precision"],
        "steps": settings["epochs"] * settings["steps_per_epoch"],
        "seconds": round(float(history["seconds"].sum()), 1),
        "parameters": model.count_params(),
        "multiply_adds": count_multiply_adds(model),
        **score(counts, holdout["group"], dataset.class_names)["all"],
    }


def train_peer(python, dataset, split, shape, minutes, recipe, folder, more):
    """Train the peer in its own environment, with more words on its command line, and score it as ours."""
    ids = {part: split.loc[split["split"] == part, "image_id"].tolist() for part in (TRAIN, VALIDATION, HOLDOUT)}
    mean, deviation = grey_statistics(dataset, ids[TRAIN])
    about = {
        "num_classes": dataset.num_classes,
        "batch_size": recipe.batch_size,
        "learning_rate": PEER_LEARNING_RATE,
        "weight_decay": recipe.training.weight_decay,
        "augmentation": asdict(recipe.augmentation),
        "window": recipe.window,
        "warm_up": recipe.training.warm_up,
        "tversky_alpha": 0.5,  # the Dice of each class, as in the recipe of ours
        "grey_mean": mean,
        "grey_deviation": deviation,
    }
    write_json(folder / "about.json", about)
    for part, image_ids in ids.items():
        examples = [load_example(dataset, image_id, shape) for image_id in image_ids]
        np.save(folder / f"{part}_images.npy", np.stack([image for image, _ in examples]))
        np.save(folder / f"{part}_masks.npy", np.stack([masks for _, masks in examples]))
    command = [python, str(ROOT / "benchmarks" / "peer_unet.py"), str(folder), "--minutes", str(minutes), *more]
    subprocess.run(command, check=True, env=WITH_OURS)
    holdout = split[split["split"] == HOLDOUT]
    found = np.load(folder / "peer_holdout.npy", mmap_mode="r")
    counts = [
        pixel_counts(dataset.masks(image_id), resize_probabilities(probabilities, dataset.shape_of(image_id)) >= 0.5)
        for image_id, probabilities in zip(holdout["image_id"], found, strict=True)
    ]
    took = read_json(folder / "peer.json")
    return took | score(PixelCounts.concatenate(counts), holdout["group"], dataset.class_names)["all"]


def peers():
    """How the peer is trained: dict of its name in the result -> what its script is told."""
    usual = {"peer": []}
    return usual | {"peer_bfloat16": ["--bfloat16"]} if choose_precision() == ON_PROCESSORS else usual


def go_on_with(path, result):
    """What an earlier run of the same settings stored; the peers alone of it where our recipe is another by now."""
    if not path.is_file():
        return result
    kept, settings = read_json(path), json.loads(json.dumps(result))
    own = settings["recipe"]
    if any(kept.get(name) != settings[name] for name in settings if name not in ("recipe", "ours")):
        return result
    if any(kept["recipe"].get(name) != own[name] for name in SHARED):
        return result
    return kept | {"recipe": own} | ({} if LATER | kept["recipe"] == own else {"ours": []})


def main():
    """Train both, print and store the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--peer", default="", help="interpreter of the peer's environment; without it ours alone")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=16, help="of both")
    parser.add_argument("--window", type=int, default=0, help="side of the windows trained on; 0: whole images")
    parser.add_argument("--model", default="steel_unet")
    parser.add_argument("--split", choices=("groups", "publisher"), default="groups")
    arguments = parser.parse_args()
    dataset = read_dataset(arguments.data)
    shape = network_shape(dataset.shape, 0)
    split = split_data(dataset, arguments.split)
    window = (arguments.window, arguments.window) if arguments.window else None
    recipe = shared_recipe(arguments.model, arguments.batch_size, window)
    result = {
        "data": dataset.name,
        "images": split["split"].value_counts().to_dict(),
        "split": arguments.split,
        "split_seed": SPLIT_SEED,
        "minutes": arguments.minutes,
        "batch_size": arguments.batch_size,
        "shape": shape,
        "scored_on": "holdout, at the images' own size, threshold 0.5",
        "window": arguments.window,
        "model": arguments.model,
        "recipe": recipe.describe(),
        "processor": PROCESSOR,
        "ours": [],
    }
    trained_on = f"windows-{arguments.window}" if arguments.window else "whole"
    path = RESULTS / f"versus_unet-{dataset.name}-{arguments.split}-{trained_on}-{arguments.minutes:g}min.json"
    result = go_on_with(path, result)
    length = {"minutes": arguments.minutes, "recipe": recipe}
    with tempfile.TemporaryDirectory() as scratch:
        for name, more in peers().items() if arguments.peer else ():
            if name not in result:
                folder = Path(scratch) / name
                folder.mkdir()
                result[name] = train_peer(arguments.peer, dataset, split, shape, **length, folder=folder, more=more)
                write_json(path, result)
            print(name, result[name], flush=True)
        for seed in range(arguments.seeds):
            if seed == len(result["ours"]):
                folder = Path(scratch) / f"seed-{seed}"
                ours = train_ours(dataset, split, shape, seed, **length, folder=folder)
                result["ours"].append(ours)
                write_json(path, result)
            print("ours", result["ours"][seed], flush=True)
    print(f"Stored in {path.relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
