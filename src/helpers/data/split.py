"""Splits: which images are trained on, which are tuned on, and which judge."""

import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold, train_test_split

TRAIN, VALIDATION, HOLDOUT = "train", "validation", "holdout"
NUM_FOLDS = 5


def class_combinations(areas):
    """Which classes each image has, as text such as "1+3", or "none".

    Args:
        areas: table of defect pixels, a row for each image, a column for each class.

    Returns:
        Series of texts with the index of `areas`.
    """
    present = areas > 0
    names = [str(column) for column in areas.columns]
    return (
        present.apply(lambda row: "+".join(name for name, has in zip(names, row, strict=True) if has), axis=1)
        .replace("", "none")
        .astype(object)
    )


def strata(areas, smallest=NUM_FOLDS):
    """A stratum for each image: its class combination, or its rarest class where the combination is too rare.

    Args:
        areas: table of defect pixels, a row for each image, a column for each class.
        smallest: images that a stratum has at least, unless it is the only one; rarer ones fall back to the rarest
            class that so many images have, then to "other", then to the most frequent stratum.
    """
    found = class_combinations(areas)
    frequency = (areas > 0).sum().sort_values(kind="stable")
    rarest = found.copy()
    for class_id in reversed(frequency[frequency >= smallest].index):
        rarest[areas[class_id] > 0] = str(class_id)
    for fallback in (rarest, "other"):
        found = found.mask(found.map(found.value_counts()) < smallest, fallback)
    counts = found.value_counts()
    return found.mask(found.map(counts) < smallest, counts.index[0])


def make_split(areas, seed, groups=None):
    """Split the training images by group, stratified by class combination.

    Five folds are drawn with scikit-learn's StratifiedGroupKFold; the first is the holdout, the second the
    validation part, the other three are trained on (60, 20 and 20 % of the images).

    Args:
        areas: table of defect pixels, indexed by image id, a column for each class.
        seed: the same seed gives the same split.
        groups: Series of group ids by image id; images of one group stay together. None: each image its own.

    Returns:
        Table with image_id, group, combination, fold (0 to 4) and split ("train", "validation" or "holdout").

    Raises:
        ValueError: there are fewer groups than folds, or an image has no group.
    """
    ids = areas.index
    groups = pd.Series(range(len(ids)), index=ids) if groups is None else groups.reindex(ids)
    if groups.isna().any():
        raise ValueError(f"groups: image {groups.index[groups.isna()][0]!r} has none. Give each image a group.")
    if groups.nunique() < NUM_FOLDS:
        raise ValueError(f"got {groups.nunique()} groups of images, expected at least {NUM_FOLDS}. Add images.")
    fold = pd.Series(-1, index=ids)
    splitter = StratifiedGroupKFold(n_splits=NUM_FOLDS, shuffle=True, random_state=seed)
    for number, (_, chosen) in enumerate(splitter.split(ids, _codes(strata(areas)), groups)):
        fold.iloc[chosen] = number
    split = fold.map({0: HOLDOUT, 1: VALIDATION}).fillna(TRAIN)
    return pd.DataFrame(
        {
            "image_id": ids,
            "group": groups.to_numpy(),
            "combination": class_combinations(areas),
            "fold": fold.to_numpy(),
            "split": split.to_numpy(),
        }
    ).reset_index(drop=True)


def random_parts(image_ids, seed):
    """What many do: 60, 20 and 20 % at random, no matter which images are copies and which classes they have.

    Returns:
        Series of "train", "validation" and "holdout" by image id.
    """
    train, rest = train_test_split(list(image_ids), train_size=0.6, random_state=seed)
    validation, holdout = train_test_split(rest, train_size=0.5, random_state=seed)
    named = [(part, ids) for part, ids in ((TRAIN, train), (VALIDATION, validation), (HOLDOUT, holdout))]
    return pd.concat([pd.Series(part, index=ids) for part, ids in named])


def draw_sample(areas, size, seed):
    """Ids of a stratified sample of the images.

    Args:
        areas: table of defect pixels, indexed by image id.
        size: number of images wanted; 0, or more than there are, means all.
        seed: the same seed gives the same sample.

    Returns:
        Sorted list of image ids.

    Raises:
        ValueError: the size is negative.
    """
    if size < 0:
        raise ValueError(f"size: got {size}, expected a number of images, or 0 for all.")
    if size == 0 or size >= len(areas):
        return sorted(areas.index)
    groups = strata(areas, smallest=max(NUM_FOLDS, -(-2 * len(areas) // size)))
    # scikit-learn wants an image of each stratum on both sides; where so few are left out, it matters little.
    if groups.nunique() > len(areas) - size:
        groups = None
    chosen, _ = train_test_split(
        areas.index.to_numpy(), train_size=size, random_state=seed, stratify=None if groups is None else groups
    )
    return sorted(chosen)


def _codes(labels):
    """Texts as whole numbers, which is what the splitter takes."""
    return pd.factorize(labels, sort=True)[0]
