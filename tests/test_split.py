import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.data.split import (
    HOLDOUT,
    NUM_FOLDS,
    TRAIN,
    VALIDATION,
    class_combinations,
    draw_sample,
    make_split,
    random_parts,
    strata,
)

patient = settings(max_examples=60)


def make_areas(combinations):
    """A table of areas of four classes from texts such as "1+3" and "none"."""
    ids = pd.Index([f"{number:03}.jpg" for number in range(len(combinations))], name="ImageId")
    rows = [[9 * (str(class_id) in text.split("+")) for class_id in range(1, 5)] for text in combinations]
    return pd.DataFrame(rows, index=ids, columns=range(1, 5), dtype="int64")


# As in the competition's training set, one image for twenty: few of class 2, most of class 3, some with two classes.
LIKE_PUBLISHED = ["none"] * 295 + ["1"] * 38 + ["2"] * 10 + ["3"] * 238 + ["4"] * 26 + ["3+4"] * 14 + ["1+3"] * 5
COMBINATIONS = st.lists(
    st.sampled_from(["none", "none", "3", "3", "1", "2", "4", "1+3", "3+4", "1+2+3", "1+2+3+4"]),
    min_size=5,
    max_size=60,
)


def test_class_combinations():
    texts = ["none", "1", "3+4", "1+2+3+4", "none"]
    found = class_combinations(make_areas(texts))
    assert found.tolist() == texts
    assert found.index.tolist() == [f"00{number}.jpg" for number in range(5)]


# combinations, strata
STRATA = [
    (["none"] * 5 + ["3"] * 5, ["none"] * 5 + ["3"] * 5),
    (["3"] * 5 + ["1"] * 4 + ["1+3"], ["3"] * 5 + ["1"] * 5),  # to the rarer of its classes, and with those together
    (["none"] * 5 + ["1", "2", "3", "4", "1+2"], ["none"] * 5 + ["other"] * 5),  # all of them too rare
    (["none"] * 6 + ["1"] * 4, ["none"] * 10),  # the others too few: to the most frequent
    (["none"] * 3 + ["1"] * 1, ["other"] * 4),  # fewer images than a stratum has: all in one
    (["3"] * 9 + ["4"] * 4 + ["1+4"], ["3"] * 9 + ["4"] * 5),  # class 1 is too rare to make a stratum of
]


@pytest.mark.parametrize(("combinations", "expected"), STRATA)
def test_strata(combinations, expected):
    assert strata(make_areas(combinations)).tolist() == expected


@patient
@given(combinations=COMBINATIONS, smallest=st.integers(1, 80))
def test_strata_are_never_too_small(combinations, smallest):
    sizes = strata(make_areas(combinations), smallest).value_counts()
    assert sizes.sum() == len(combinations)
    assert len(sizes) == 1 or sizes.min() >= smallest


@patient
@given(combinations=COMBINATIONS, seed=st.integers(0, 2**32 - 1))
def test_make_split_takes_every_image_once(combinations, seed):
    areas = make_areas(combinations)
    split = make_split(areas, seed)
    assert split.columns.tolist() == ["image_id", "group", "combination", "fold", "split"]
    assert split["image_id"].tolist() == areas.index.tolist()
    assert split["combination"].tolist() == combinations
    assert set(split["fold"]) == set(range(NUM_FOLDS))
    assert (split["split"] == split["fold"].map({0: HOLDOUT, 1: VALIDATION}).fillna(TRAIN)).all()
    sizes = split["fold"].value_counts()
    assert sizes.max() - sizes.min() <= len(set(strata(areas)))


@patient
@given(combinations=COMBINATIONS, seed=st.integers(0, 99), data=st.data())
def test_make_split_never_parts_a_group(combinations, seed, data):
    areas = make_areas(combinations)
    labels = data.draw(
        st.lists(st.sampled_from("abcdefgh"), min_size=len(areas), max_size=len(areas)).filter(
            lambda groups: len(set(groups)) >= NUM_FOLDS
        )
    )
    groups = pd.Series(labels, index=areas.index)
    split = make_split(areas, seed, groups.sample(frac=1, random_state=seed))  # found by id, in any order
    assert split["group"].tolist() == labels
    assert (split.groupby("group")["fold"].nunique() == 1).all()
    assert set(split["split"]) == {TRAIN, VALIDATION, HOLDOUT}


@pytest.mark.parametrize("seed", range(5))
def test_make_split_has_each_class_in_each_part(seed):
    split = make_split(make_areas(LIKE_PUBLISHED), seed)
    assert split["split"].value_counts(normalize=True).round(2).to_dict() == {TRAIN: 0.6, VALIDATION: 0.2, HOLDOUT: 0.2}
    shares = pd.crosstab(split["combination"], split["split"], normalize="columns")
    assert (shares > 0).all(axis=None)
    assert (shares.max(axis=1) - shares.min(axis=1)).max() < 0.02


@pytest.mark.parametrize("number", [5, 6, 7, 9])
def test_make_split_of_few_images_has_each_class_in_each_part(number):
    areas = make_areas([text for text in ("none", "1", "2", "3", "4") for _ in range(number)])
    for seed in range(3):
        split = make_split(areas, seed)
        assert (pd.crosstab(split["combination"], split["split"]) > 0).all(axis=None)


def test_make_split_by_the_same_seed_is_the_same():
    areas = make_areas(LIKE_PUBLISHED)
    assert make_split(areas, 7).equals(make_split(areas.copy(), 7))


def test_make_split_by_another_seed_is_another():
    areas = make_areas(LIKE_PUBLISHED)
    first, second = make_split(areas, 7), make_split(areas, 8)
    assert (first["split"] != second["split"]).mean() > 0.3


def test_make_split_leaves_its_arguments_alone():
    areas = make_areas(LIKE_PUBLISHED[::20])
    before = areas.copy()
    make_split(areas, 0)
    assert areas.equals(before)


@pytest.mark.parametrize("number", [0, 1, 4])
def test_make_split_of_too_few_images(number):
    with pytest.raises(ValueError, match=f"got {number} groups of images, expected at least 5. Add images"):
        make_split(make_areas(["none"] * number), 0)


def test_make_split_of_too_few_groups():
    areas = make_areas(["none"] * 50)
    with pytest.raises(ValueError, match="got 4 groups of images, expected at least 5"):
        make_split(areas, 0, pd.Series(np.arange(50) % 4, index=areas.index))


def test_make_split_of_an_image_without_a_group():
    areas = make_areas(["none"] * 50)
    groups = pd.Series(np.arange(50), index=areas.index)
    with pytest.raises(ValueError, match=r"groups: image '007\.jpg' has none\. Give each image a group"):
        make_split(areas, 0, groups.drop("007.jpg"))


@pytest.mark.parametrize(("sizes", "seed"), [([50, 1, 1, 1, 1], 0), ([1, 1, 1, 1, 50], 1), ([30, 30, 2, 2, 2, 2], 2)])
def test_make_split_of_groups_of_very_different_sizes(sizes, seed):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    areas = make_areas((["none", "3", "3", "1"] * 100)[: len(labels)])
    split = make_split(areas, seed, pd.Series(labels, index=areas.index))
    assert set(split["split"]) == {TRAIN, VALIDATION, HOLDOUT}


def test_draw_sample_of_every_size():
    areas = make_areas(["none"] * 20 + ["3"] * 12 + ["1"] * 5 + ["1+3", "2", "2+4", "4"])
    for size in range(1, len(areas)):
        ids = draw_sample(areas, size, 0)
        assert len(ids) == size
        assert ids == sorted(set(ids))
        assert set(ids) <= set(areas.index)


@patient
@given(combinations=COMBINATIONS, seed=st.integers(0, 2**32 - 1), data=st.data())
def test_draw_sample_is_of_the_size_asked_for(combinations, seed, data):
    size = data.draw(st.integers(1, len(combinations)))
    assert len(set(draw_sample(make_areas(combinations), size, seed))) == size


@pytest.mark.parametrize("size", [0, 41, 42, 10**9])
def test_draw_sample_of_all(size):
    areas = make_areas(["none"] * 20 + ["3"] * 21)
    assert draw_sample(areas.iloc[::-1], size, 0) == areas.index.tolist()


def test_draw_sample_of_a_negative_size():
    with pytest.raises(ValueError, match="size: got -1, expected a number of images, or 0 for all"):
        draw_sample(make_areas(["none"] * 9), -1, 0)


@pytest.mark.parametrize("size", [60, 100, 313, 500])
def test_draw_sample_keeps_the_shares(size):
    areas = make_areas(LIKE_PUBLISHED)
    for seed in range(3):
        drawn = areas.loc[draw_sample(areas, size, seed)]
        difference = (drawn > 0).mean() - (areas > 0).mean()
        assert difference.abs().max() < 2.5 / size + 0.01


def test_draw_sample_keeps_the_shares_beside_one_odd_image():
    areas = make_areas([*LIKE_PUBLISHED, "1+2+3+4"])
    expected = (areas > 0).any(axis=1).mean() * 100
    for seed in range(5):
        assert abs((areas.loc[draw_sample(areas, 100, seed)] > 0).any(axis=1).sum() - expected) < 3


def test_draw_sample_depends_on_its_seed_alone():
    areas = make_areas(LIKE_PUBLISHED)
    assert draw_sample(areas, 100, 7) == draw_sample(areas.copy(), 100, 7)
    assert draw_sample(areas, 100, 7) != draw_sample(areas, 100, 8)


def test_random_parts_takes_each_image_once():
    ids = [str(number) for number in range(50)]
    parts = random_parts(ids, 1)
    assert sorted(parts.index) == sorted(ids)
    assert parts.value_counts().to_dict() == {"train": 30, "validation": 10, "holdout": 10}
    assert parts.equals(random_parts(ids, 1)) and not parts.equals(random_parts(ids, 2))
