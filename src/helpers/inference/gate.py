"""A classifier before the masks: what it said of images that it never saw, and what its gate makes of their masks."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.classification import sheet_terms
from helpers.counts import PixelCounts
from helpers.files import write_csv
from helpers.inference.classify import DEFECT, answering
from helpers.inference.evaluate import estimate_texts
from helpers.intervals import interval_table, score_table

GATES = {"none": 0.0, "0.01": 0.01, "0.5": 0.5}
GATE_SCORES = (
    "kaggle_dice", "all_empty_dice", "defect_dice", "empty_accuracy", "miou", "sheets_passed", "sheets_rejected"
)  # fmt: skip


def defect_stater(model, bundle):
    """A function that states the probability of a defect for images, for the gates of `predict_masks`.

    Args:
        model: keras.Model of a classifier.
        bundle: what its `bundle.json` holds.

    Returns:
        Function of a list of uint8 images that gives a float array (images,).

    Raises:
        ValueError: the bundle's first answer isn't whether there is a defect.
    """
    if bundle["class_names"][0] != DEFECT:
        raise ValueError(
            f"the classifier's first answer is {bundle['class_names'][0]!r}, expected {DEFECT!r}. Is it a classifier?"
        )
    answer = answering(model, bundle["input_shape"])
    return lambda images: answer(images)[:, 0]


def split_key(split):
    """A text that tells a split from others: of each image, its fold and its part."""
    rows = split.sort_values("image_id")[["image_id", "fold", "split"]]
    return hashlib.sha256(rows.to_csv(index=False).encode()).hexdigest()[:16]


def write_answers(path, parts, split):
    """Keep what a classifier says of images that it never saw, for the gate before the masks.

    Args:
        path: where to write.
        parts: dict of part, such as "holdout", -> `Answers`.
        split: table of `helpers.data.split.make_split` that it was trained and judged by.
    """
    tables = []
    for part, answers in parts.items():
        columns = {"part": part, "split": split_key(split)}
        for name, true, stated in zip(answers.names, answers.truth.T, answers.probabilities.T, strict=True):
            columns |= {f"has {name}": true.astype(int), f"probability of {name}": stated}
        tables.append(answers.images.assign(**columns))
    write_csv(path, pd.concat(tables), index=False)


def read_gate(path, image_ids, split):
    """What a classifier said of images, each by a network that never saw it.

    Args:
        path: file of `write_answers`.
        image_ids: the images asked for.
        split: table of `helpers.data.split.make_split` that the masks are judged by.

    Returns:
        Series of the probability of a defect by image id.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the classifier was judged on other images, or by another split.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there. Run 03_classifier with that model first, or leave GATE empty.")
    table = pd.read_csv(path, dtype={"image_id": str, "split": str}).set_index("image_id")
    if set(table["split"]) != {split_key(split)}:
        raise ValueError(f"{path}: the classifier was trained by another split. Run 03_classifier with it again.")
    missing = [image_id for image_id in image_ids if image_id not in table.index]
    if missing:
        raise ValueError(
            f"{path}: {missing[0]!r} is not among the images that the classifier judged ({len(missing)} are missing). "
            "Judge both by the holdout, or both by folds."
        )
    return table.loc[list(image_ids), f"probability of {DEFECT}"]


def gate_counts(counts, passes):
    """Counts of pixels where the masks of some sheets are taken back whole.

    Args:
        counts: `PixelCounts`.
        passes: bool array (images,): whose masks are kept.

    Returns:
        `PixelCounts`, without the background.
    """
    kept = np.asarray(passes, bool)[:, None]
    return PixelCounts(counts.true, counts.predicted * kept, counts.shared * kept)


def score_gates(counts, stated, groups, class_names):
    """Scores of masks without a gate, and behind one at each published threshold.

    Args:
        counts: `PixelCounts` of the judging images.
        stated: float array (images,): the classifier's probability of a defect.
        groups: label of each image's group.
        class_names: a name for each class.

    Returns:
        (table of texts with a row for each gate, dict of gate -> score -> Estimate).
    """
    defective = counts.true.any(axis=1)
    estimates = {}
    for name, threshold in GATES.items():
        gated = gate_counts(counts, stated >= threshold)
        sheets = interval_table(sheet_terms(defective, gated.predicted.any(axis=1)), groups)
        estimates[name] = score_table(gated, groups, class_names=class_names)["all"] | sheets
    return estimate_texts(estimates)[list(GATE_SCORES)].rename_axis("gate"), estimates
