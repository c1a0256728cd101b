"""Copies within a data set, training and test images together, and what a split of it gives away."""

import pandas as pd

from helpers.data.dataset import PARTS
from helpers.data.groups import count_leaks, find_copies, group_images
from helpers.data.images import read_image

COPY_COLUMNS = ["first", "second", "transform", "similarity"]


def dataset_files(dataset):
    """Series of image paths by file name with its folder, such as "train_images/a.jpg", which no two images share."""
    folders = dataset.images["part"].map(PARTS)
    return pd.Series(dataset.images["path"].to_numpy(), index=folders + "/" + dataset.images["image_id"])


def find_dataset_copies(dataset, progress=True):
    """Find the images of a data set that are copies of one another.

    Args:
        dataset: a `Dataset`.
        progress: whether to show a bar.

    Returns:
        Table of `find_copies`, a row for each pair; the files have their folder, such as "train_images/a.jpg".
    """
    files = dataset_files(dataset)
    return find_copies(files.index.tolist(), lambda file: read_image(files[file]), progress=progress)


def group_dataset(dataset, copies):
    """The group of each image, copies having the same.

    Args:
        dataset: a `Dataset`.
        copies: table of `find_dataset_copies`.

    Returns:
        Series of group numbers by file with its folder, training and test images together.
    """
    return group_images(dataset_files(dataset).index.tolist(), copies)


def training_groups(dataset, groups):
    """The groups of the training images alone, by image id, as `make_split` takes them."""
    files = [f"{PARTS['train']}/{image_id}" for image_id in dataset.training_ids]
    return pd.Series(groups[files].to_numpy(), index=dataset.training_ids, name="group")


def published_parts(dataset):
    """The split that the publisher made: by the beginning of the names where all tell, else by the folders.

    Returns:
        Series of parts by file with its folder; None where there is only one part.
    """
    files = dataset_files(dataset)
    names = files.index.str.split("/", n=1).str[1]
    beginnings = names.str.extract(r"^(train|test|valid|val)[_-]", expand=False)
    parts = pd.Series(dataset.images["part"].to_numpy() if beginnings.isna().any() else beginnings, index=files.index)
    return parts if parts.nunique() > 1 else None


def class_share_spread(areas, parts):
    """How unevenly a split spreads the classes.

    Args:
        areas: table of defect pixels by image id.
        parts: Series of parts by image id.

    Returns:
        Table with a row for each class: largest and smallest share of a part's images that have it, and their
        difference.
    """
    shares = (areas.loc[parts.index] > 0).groupby(parts.to_numpy()).mean()
    return pd.DataFrame(
        {"smallest": shares.min(), "largest": shares.max(), "difference": shares.max() - shares.min()}
    ).rename_axis("ClassId")


def leak_table(groups, splits):
    """What several splits give away.

    Args:
        groups: Series of group numbers by name.
        splits: dict of a split's name -> Series of parts by name.

    Returns:
        Table with split, part, images, leaks (images that have a copy in another part) and share.
    """
    tables = []
    for name, parts in splits.items():
        leaks = count_leaks(groups, parts)
        tables.append(leaks[leaks["other"] == "any"].drop(columns="other").assign(split=name))
    return pd.concat(tables)[["split", "part", "images", "leaks", "share"]].reset_index(drop=True)
