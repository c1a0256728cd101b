"""Groups of images that are copies of one another, and what a split that parts them gives away."""

import numpy as np
import pandas as pd


def group_images(image_ids, pairs):
    """Put the images of each pair into one group, and so the copies of copies.

    Args:
        image_ids: names of all images.
        pairs: table with the columns first and second, such as `find_copies` gives.

    Returns:
        Series of group numbers by image id, in the order given; groups are numbered from 0 in the order in which
        they first appear. An image without copies is a group of its own.

    Raises:
        ValueError: an image id comes twice, or a pair has an image that is not among them.

    Example:
        >>> group_images(["d", "a", "b", "c"], pd.DataFrame({"first": ["a", "b"], "second": ["b", "d"]})).to_dict()
        {'d': 0, 'a': 0, 'b': 0, 'c': 1}
    """
    index = pd.Index(image_ids)
    if index.has_duplicates:
        raise ValueError(
            f"image_ids: {index[index.duplicated()][0]!r} comes more than once. Give each image its own id."
        )
    first, second = (index.get_indexer(pairs[name]) for name in ("first", "second"))
    for name, places in (("first", first), ("second", second)):
        if (places < 0).any():
            raise ValueError(
                f"pairs: {pairs[name].iloc[int(np.argmax(places < 0))]!r} is not among the image ids. "
                "Pass all images that were compared, and take those that are wanted from the result."
            )
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(pairs)), (first, second)), (len(index), len(index)))
    _, labels = connected_components(graph, directed=False)
    return pd.Series(pd.factorize(labels)[0], index=index, name="group")


def count_leaks(groups, parts):
    """Count the images of each part of a split that have a copy in another part.

    Args:
        groups: Series of group numbers by image id.
        parts: Series of the names of the parts ("train" and so on) by image id. Images that are in no part are
            left out.

    Returns:
        Table with a row for each part and each other part, and one with the other part "any": part, other, images
        (of the part), leaks (those whose group has an image in the other part), share (leaks / images, 0 to 1).

    Raises:
        ValueError: an image of a part has no group.

    Example:
        >>> groups = pd.Series({"a": 0, "b": 0, "c": 1, "d": 2})
        >>> parts = pd.Series({"a": "train", "b": "holdout", "c": "train", "d": "holdout"})
        >>> count_leaks(groups, parts).query("other == 'any'")[["part", "leaks", "share"]].values.tolist()
        [['train', 1, 0.5], ['holdout', 1, 0.5]]
    """
    found = groups.reindex(parts.index)
    if found.isna().any():
        raise ValueError(f"groups: image {found.index[found.isna()][0]!r} has none. Give each image a group.")
    has = pd.crosstab(found, parts) > 0
    rows = []
    for part in parts.unique():
        mine = found[parts == part]
        others = [other for other in parts.unique() if other != part]
        for other, columns in [*((other, [other]) for other in others), ("any", others)]:
            leaks = int(has.loc[mine, columns].any(axis=1).sum())
            rows.append((part, other, len(mine), leaks, leaks / len(mine)))
    return pd.DataFrame(rows, columns=["part", "other", "images", "leaks", "share"])
