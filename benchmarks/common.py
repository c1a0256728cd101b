"""What the benchmarks of training share."""

import os
import platform
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from helpers.data.leaks import find_dataset_copies, group_dataset, training_groups
from helpers.data.split import make_split
from helpers.intervals import score_table

RESULTS = Path(__file__).absolute().parent / "results"
# Of a process of the peer's, whose environment has nothing of this project.
WITH_OURS = os.environ | {"PYTHONPATH": str(RESULTS.parents[1] / "src")}
PROCESSORS = Path("/proc/cpuinfo")
PROCESSOR = f"{os.cpu_count()} cores, {platform.machine()}"
SPLIT_SEED = 2019
# Settings of a recipe that results from before they came don't tell, as they were then.
LATER = {"coarse_share": 0.0, "most_draws": 0.0}
# Packages that decide how quick a network is, with the module of each.
PACKAGES = {
    "tensorflow": "tensorflow",
    "keras": "keras",
    "openvino": "openvino",
    "nncf": "nncf",
    "onnxruntime": "onnxruntime",
    "opencv-python": "cv2",
    "numpy": "numpy",
}
MEASURES = (
    "kaggle_dice", "all_empty_dice", "above_floor", "defect_dice", "defect_dice_class_mean", "empty_accuracy", "miou",
    "miou_with_background",
)  # fmt: skip


def processor_name():
    """The processor as Linux names it, and what the platform says of it elsewhere."""
    if PROCESSORS.is_file():
        named = [line.partition(":")[2].strip() for line in PROCESSORS.read_text().splitlines() if "model name" in line]
        if named:
            return named[0]
    return platform.processor()


def machine():
    """The machine and the versions that figures belong to: dict to be stored with them."""
    found = {package: version(package) for package in PACKAGES if find_spec(PACKAGES[package])}
    about = {"processor": f"{PROCESSOR}, {processor_name()}", "python": platform.python_version()}
    return about | {"versions": found}


def split_by_groups(dataset):
    """Table of `make_split`, copies of an image kept together."""
    groups = training_groups(dataset, group_dataset(dataset, find_dataset_copies(dataset)))
    return make_split(dataset.areas, SPLIT_SEED, groups)


def score(counts, groups, class_names):
    """Scores of all classes together and of each, as [value, low, high]."""
    table = score_table(counts, groups, class_names=class_names)
    return {
        row: {name: [round(float(number), 4) for number in scores[name]] for name in MEASURES if name in scores}
        for row, scores in table.items()
    }
