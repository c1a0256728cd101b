"""Choices that no judging image has a part in: the rule by which everything here is decided."""

import numpy as np

FOLDS = "folds"


def choose_by_fold(part, judged, tuned, choose):
    """For each fold of judging images, what is chosen without it.

    Args:
        part: "holdout" or "folds": the images that judge.
        judged: table with the fold of each judging image.
        tuned: table with the fold of each image that choices may rest on: the validation part, or with folds the
            judging images, of which those of the fold that is judged are left out each time.
        choose: function of a bool array, which of the images in `tuned` to rest on, that gives what is chosen.

    Returns:
        dict of fold -> what is chosen for it.
    """
    folds = judged["fold"].unique().tolist()
    if part != FOLDS:
        return dict.fromkeys(folds, choose(np.ones(len(tuned), bool)))
    of_fold = tuned["fold"].to_numpy()
    return {fold: choose(of_fold != fold) for fold in folds}


def apply_by_fold(judged, chosen, apply):
    """What each fold's choice makes of its judging images, put together.

    Args:
        judged: table with the fold of each judging image.
        chosen: dict of fold -> choice.
        apply: function of (positions of a fold's images in `judged`, its choice) that gives something with `take` and
            `concatenate`, such as counts of these images.

    Returns:
        The same of all images, in the order of `judged`.
    """
    folds = judged["fold"].to_numpy()
    places = [np.flatnonzero(folds == fold) for fold in chosen]
    parts = [apply(rows, choice) for rows, choice in zip(places, chosen.values(), strict=True)]
    return type(parts[0]).concatenate(parts).take(np.argsort(np.concatenate(places)))
