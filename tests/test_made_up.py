"""The made-up data set: its layout, its shares and areas, and that it comes out the same each time."""

import json
import signal
import subprocess
import sys
from itertools import islice

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.data.made_up import (
    TEST,
    TRAIN,
    Defect,
    Sheet,
    defects,
    draw_defects,
    draw_image,
    draw_sheet,
    image_name,
    make,
    make_data,
    make_sheet,
    near_copy,
    outline,
    plan_images,
)
from helpers.data.made_up.workplace import workplace_beside
from helpers.rle import rle2mask

SMALL = (64, 384)

# Counted in the labels of the competition's 12,568 training images: shares of the images with no class, with
# more than one, and with each class; medians of the share of pixels that a class covers, where it is present.
NO_CLASS, SEVERAL_CLASSES = 5902 / 12568, 427 / 12568
CLASS_SHARES = {1: 897 / 12568, 2: 247 / 12568, 3: 5150 / 12568, 4: 801 / 12568}
MEDIAN_AREAS = {1: 0.00812, 2: 0.00719, 3: 0.02918, 4: 0.06191}


@pytest.fixture(scope="module")
def small_data(tmp_path_factory):
    """Directory of a data set of 24 training and 6 test images."""
    return make_data(tmp_path_factory.mktemp("data") / "steel", 24, 3, shape=SMALL, progress=False)


@pytest.fixture(scope="module")
def labels(small_data):
    """Its table of labels."""
    return pd.read_csv(small_data / "train.csv")


def contents(directory):
    """Relative path -> bytes, of every file in a directory."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in files}


def planned(split, number, seed=0):
    """What the first images of a split show."""
    return list(islice(plan_images(seed, split), number))


def drawn_on(label, seed, shape=SMALL):
    """Grey levels of a sheet without and with one class of defect, and the mask."""
    rng = np.random.default_rng((seed, label))
    sheet = draw_sheet(rng, shape, (label,))
    before = sheet.canvas.clip(0, 255)
    masks = draw_defects(rng, sheet, (label,))
    return before, sheet.canvas.clip(0, 255), masks[:, :, label - 1] > 0


def test_make_data_writes_the_layout_of_the_competition(small_data, labels):
    assert sorted(path.name for path in small_data.iterdir()) == [
        "classes.json",
        "sample_submission.csv",
        "test_images",
        "train.csv",
        "train_images",
    ]
    assert list(labels.columns) == ["ImageId", "ClassId", "EncodedPixels"]
    names = [path.name for path in (small_data / "train_images").iterdir()]
    assert len(names) == 24
    assert all(len(name) == 13 and name.endswith(".jpg") and int(name[:9], 16) >= 0 for name in names)
    assert set(labels.ImageId) < set(names)  # the others are free of defects
    assert not labels.duplicated(["ImageId", "ClassId"]).any()
    assert labels.sort_values(["ImageId", "ClassId"]).index.is_monotonic_increasing


def test_make_data_asks_for_four_rows_a_test_image(small_data):
    submission = pd.read_csv(small_data / "sample_submission.csv")
    names = sorted(path.name for path in (small_data / "test_images").iterdir())
    assert len(names) == 6  # a quarter of 24
    assert list(submission.columns) == ["ImageId_ClassId", "EncodedPixels"]
    assert submission.ImageId_ClassId.tolist() == [f"{name}_{label}" for name in names for label in (1, 2, 3, 4)]
    assert set(submission.EncodedPixels) == {"1 1"}


def test_make_data_says_that_it_is_made_up(small_data):
    assert json.loads((small_data / "classes.json").read_text()) == {
        "name": "made-up steel",
        "made_up": True,
        "seed": 3,
        "classes": {"1": "pits", "2": "cracks", "3": "scratches", "4": "patches"},
    }


def test_make_data_writes_grey_jpegs_of_three_channels(small_data):
    for path in small_data.rglob("*.jpg"):
        assert path.read_bytes()[:2] == b"\xff\xd8"  # the mark that a JPEG file begins with
        image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert image.shape == (*SMALL, 3)
        assert (image == image[:, :, :1]).all()
        assert image.std() > 3


def test_make_data_encodes_the_masks_that_were_drawn(labels):
    plans = planned(TRAIN, 24, seed=3)
    wanted = {}
    for index, plan in enumerate(plans):
        _, masks = draw_image(3, TRAIN, index, plan, SMALL)
        for label in plan.classes:
            wanted[image_name(3, TRAIN, index), label] = masks[:, :, label - 1]
    assert len(labels) == len(wanted)
    for row in labels.itertuples():
        decoded = rle2mask(row.EncodedPixels, SMALL)  # raises where a run leaves the image
        assert decoded.any()
        np.testing.assert_array_equal(decoded, wanted[row.ImageId, row.ClassId])


def test_make_data_same_arguments_give_the_same_bytes(small_data, tmp_path, monkeypatch):
    monkeypatch.setattr(make.os, "cpu_count", lambda: 1)  # nor does the number of threads matter
    again = make_data(tmp_path / "again", 24, 3, shape=SMALL, progress=False)
    assert contents(again) == contents(small_data)


def test_make_data_another_seed_gives_other_bytes(small_data, tmp_path):
    other = make_data(tmp_path / "other", 24, 4, shape=SMALL, progress=False)
    assert not set(contents(other).values()) & set(contents(small_data).values())


def test_make_data_image_does_not_depend_on_how_many_are_made(small_data, labels, tmp_path):
    fewer = make_data(tmp_path / "fewer", 10, 3, shape=SMALL, test_images=2, progress=False)
    images = {name: data for name, data in contents(fewer).items() if name.endswith(".jpg")}
    assert len(images) == 12
    assert images.items() <= contents(small_data).items()
    some = pd.read_csv(fewer / "train.csv")
    known = labels[labels.ImageId.isin([name.split("/")[1] for name in images])]
    pd.testing.assert_frame_equal(some, known.reset_index(drop=True))


def test_make_data_has_each_class_at_least_twice_in_24_images(labels):
    assert (labels.ClassId.value_counts().reindex([1, 2, 3, 4]) >= 2).all()
    assert labels.ImageId.nunique() < 24  # and sheets without a defect


@pytest.mark.parametrize("split", [TRAIN, TEST])
@pytest.mark.parametrize("number", [200, 1000])
def test_plan_images_follows_the_published_shares(split, number):
    classes = [plan.classes for plan in planned(split, number)]
    tolerance = 4 / number  # a block of images that is not full, and two images more of the rarest class
    assert sum(not labels for labels in classes) / number == pytest.approx(NO_CLASS, abs=tolerance)
    several = sum(len(labels) > 1 for labels in classes) / number
    assert several == pytest.approx(SEVERAL_CLASSES, abs=tolerance)
    for label, share in CLASS_SHARES.items():
        found = sum(label in labels for labels in classes) / number
        assert found == pytest.approx(share, abs=tolerance), label


@pytest.mark.parametrize(("number", "least"), [(6, 1), (24, 2), (48, 4)])
def test_plan_images_shows_each_class_early(number, least):
    for seed in range(5):
        shown = [label for plan in planned(TRAIN, number, seed) for label in plan.classes]
        assert all(shown.count(label) >= least for label in (1, 2, 3, 4))


def test_plan_images_order_depends_on_seed_and_split():
    orders = [[plan.classes for plan in planned(split, 60, seed)] for split in (TRAIN, TEST) for seed in (0, 1)]
    assert all(first != second for place, first in enumerate(orders) for second in orders[:place])


@pytest.mark.parametrize("seed", range(10))
def test_plan_images_copies_one_in_twenty_of_the_training_images(seed):
    plans = planned(TRAIN, 200, seed)
    copies = [(index, plan) for index, plan in enumerate(plans) if plan.origin is not None]
    assert 0.04 <= len(copies) / 200 <= 0.05
    for index, plan in copies:
        assert plan.origin < index
        assert plans[plan.origin].origin is None  # no copies of copies
        assert plans[plan.origin].classes == plan.classes
        assert sum(earlier.classes == plan.classes for earlier in plans[:index]) >= 4  # a common combination
    assert all(plan.origin is None for plan in planned(TEST, 100, seed))


def test_image_name_is_unique():
    names = {image_name(5, split, index) for split in (TRAIN, TEST) for index in range(20_000)}
    assert len(names) == 40_000


def test_draw_image_near_copy_resembles_its_origin_only():
    plans = planned(TRAIN, 60)
    index = next(index for index, plan in enumerate(plans) if plan.origin is not None and plan.classes)
    copy, copied_masks = draw_image(0, TRAIN, index, plans[index], SMALL)
    origin, masks = draw_image(0, TRAIN, plans[index].origin, plans[plans[index].origin], SMALL)
    other, _ = draw_image(0, TRAIN, index + 1, plans[index + 1], SMALL)
    assert best_match(copy, origin) > 0.9 > 0.6 > best_match(copy, other)
    assert (copied_masks != masks).any()
    assert 0.4 < copied_masks.sum() / masks.sum() < 2.5


def best_match(first, second):
    """Highest correlation of the first image's middle with any place in the second's."""
    middle = first[16:48, 8:-8].astype(np.float32)
    return cv2.matchTemplate(second.astype(np.float32), middle, cv2.TM_CCOEFF_NORMED).max()


def test_near_copy_keeps_classes_that_lie_at_opposite_borders():
    masks = np.zeros((*SMALL, 2), np.uint8)
    masks[0, 10:20, 0] = 1  # either shift would lose one of the two
    masks[-1, 10:20, 1] = 1
    for seed in range(10):
        _, copied = near_copy(np.random.default_rng(seed), np.full(SMALL, 90, np.uint8), masks)
        assert copied.any(axis=(0, 1)).all()


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    classes=st.sets(st.integers(1, 4)),
    shape=st.tuples(st.integers(32, 80), st.integers(32, 400)),
)
def test_make_sheet_masks_hold_the_classes_asked_for_and_do_not_overlap(seed, classes, shape):
    rng = np.random.default_rng(seed)
    image, masks = make_sheet(rng, shape, classes)
    assert (image.shape, image.dtype) == (shape, np.uint8)
    assert (masks.shape, masks.dtype) == ((*shape, 4), np.uint8)
    for some in (masks, near_copy(rng, image, masks)[1]):
        assert some.any(axis=(0, 1)).tolist() == [label in classes for label in (1, 2, 3, 4)]
        assert some.sum(axis=2).max() <= 1


@pytest.mark.parametrize("label", [1, 2, 3, 4])
def test_draw_defects_covers_about_the_area_of_the_real_ones(label):
    areas = [drawn_on(label, seed)[2].mean() for seed in range(80)]
    assert MEDIAN_AREAS[label] / 2 < np.median(areas) < 2 * MEDIAN_AREAS[label]
    low, high = np.quantile(areas, [0.25, 0.75])
    assert high / low > 1.6  # in the real labels 2.2 for class 2, more for the others


@pytest.mark.parametrize(("shape", "sheets"), [(SMALL, 60), ((128, 800), 20)])
@pytest.mark.parametrize("label", [1, 2, 3, 4])
def test_draw_defects_changes_what_it_labels_and_little_else(label, shape, sheets):
    for seed in range(sheets):
        before, after, mask = drawn_on(label, seed, shape)
        change = np.abs(after - before)
        brightness = before[mask].mean()
        assert change[mask].mean() > 0.02 * brightness  # no label is empty steel ...
        assert np.quantile(change[mask], 0.95) > 0.1 * brightness  # ... and some of it is easily seen
        assert change[~mask].sum() < 0.3 * change[mask].sum()


def test_draw_defects_draws_again_what_cannot_be_seen(monkeypatch):
    strengths = [0.01, 0.01, 0.5]  # of the first two, nothing could be seen

    def drawer(rng, shape, scale):
        change = np.full(shape, strengths.pop(0), np.float32)
        return Defect(1 - change, 0 * change, np.ones(shape, np.uint8), boxed=True)

    monkeypatch.setitem(defects.DRAWERS, 2, drawer)
    monkeypatch.setattr("helpers.data.made_up.labels._parts", lambda rng, label, area: [area])
    before, after, mask = drawn_on(2, 0)
    assert not strengths
    assert after[mask].mean() < 0.9 * before[mask].mean()


def test_draw_defects_classes_look_different():
    """Cracks are thin and dark, patches large and rough: what a model must be able to tell apart."""
    shifts, sizes = {}, {}
    for label in (1, 2, 3, 4):
        found = [drawn_on(label, seed) for seed in range(25)]
        shifts[label] = np.mean([(after - before)[mask].mean() for before, after, mask in found])
        sizes[label] = np.median([mask.sum() for _, _, mask in found])
    assert shifts[2] < 0
    assert sizes[4] > 4 * max(sizes[1], sizes[2])
    assert sizes[3] > 2 * max(sizes[1], sizes[2])


def test_draw_sheet_black_margin_holds_no_defect():
    margins = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        sheet = draw_sheet(rng, SMALL, (2, 3))
        masks = draw_defects(rng, sheet, (2, 3))
        dark = sheet.steel == 0
        margins += dark.any()
        assert not masks[dark].any()
        assert sheet.canvas[dark].mean() < 12 if dark.any() else True
    assert margins >= 10  # cracks lie at the strip's edge


def test_draw_defects_stays_on_the_steel():
    steel = np.zeros(SMALL, np.uint8)
    steel[:40, 100:] = 1  # black to the left and below
    for seed in range(30):
        sheet = Sheet(np.where(steel, 90, 5).astype(np.float32), steel, 100, SMALL[1], 40)
        masks = draw_defects(np.random.default_rng(seed), sheet, (1, 2, 3, 4))
        assert not masks[steel == 0].any()
        assert (sheet.canvas[steel == 0] == 5).all()


@pytest.mark.parametrize("boxed", [True, False])
def test_outline_covers_the_defect_with_a_margin(boxed):
    footprint = np.zeros((60, 90), np.uint8)
    cv2.line(footprint, (20, 15), (70, 45), 1, 3)
    for seed in range(10):
        label = outline(np.random.default_rng(seed), footprint, 5.0, boxed=boxed)
        assert label[footprint > 0].mean() > 0.98
        assert 2 * footprint.sum() < label.sum() < 0.6 * label.size


def test_outline_of_nothing_is_empty():
    assert not outline(np.random.default_rng(0), np.zeros((9, 9), np.uint8), 2.0, boxed=True).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"images": 0}, "images=0: expected a whole number, 1 or more"),
        ({"images": 2.5}, "images=2.5: expected a whole number"),
        ({"test_images": -1}, "test_images=-1: expected a whole number, 0 or more"),
        ({"seed": -1}, "seed=-1: expected a whole number, 0 or more"),
        ({"shape": (31, 400)}, r"shape=\(31, 400\): expected .* at least 32"),
        ({"shape": (64, 64, 3)}, r"shape=\(64, 64, 3\): expected \(height, width\)"),
    ],
)
def test_make_data_refuses_bad_arguments(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        make_data(tmp_path / "steel", progress=False, **arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("classes", [(5,), (0, 1), (3, 3)])
def test_make_sheet_refuses_unknown_and_repeated_classes(classes):
    with pytest.raises(ValueError, match=r"expected numbers out of \[1, 2, 3, 4\], each at most once"):
        make_sheet(np.random.default_rng(0), SMALL, classes)


def test_make_sheet_says_when_there_is_no_room(monkeypatch):
    monkeypatch.setattr("helpers.data.made_up.labels._add", lambda *_: None)
    with pytest.raises(RuntimeError, match=r"no room for classes \(3,\) on a sheet of 64 x 384 pixels"):
        make_sheet(np.random.default_rng(0), SMALL, (3,))


def test_make_data_refuses_a_directory_that_is_not_empty(tmp_path):
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"not empty; expected a new or an empty directory.*Name another"):
        make_data(tmp_path, 6, shape=SMALL, progress=False)
    with pytest.raises(FileExistsError, match=r"note\.txt is a file; expected"):
        make_data(tmp_path / "note.txt", 6, shape=SMALL, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]
    assert (tmp_path / "note.txt").read_text() == "mine"


def test_make_data_fills_an_empty_directory(tmp_path, capsys):
    (tmp_path / "steel").mkdir()
    made = make_data(tmp_path / "steel", 1, shape=(32, 64), test_images=0)
    assert made == tmp_path / "steel"
    assert len(list((made / "train_images").iterdir())) == 1
    assert not list((made / "test_images").iterdir())
    assert pd.read_csv(made / "sample_submission.csv").empty
    assert "made-up sheets" in capsys.readouterr().err  # the progress bar


@pytest.mark.parametrize("step", ["_write_image", "_write_tables"])
def test_make_data_leaves_nothing_when_it_fails_midway(tmp_path, monkeypatch, step):
    write, calls = getattr(make, step), []

    def full(*arguments):
        calls.append(arguments)
        if step == "_write_tables" or len(calls) > 4:
            raise OSError("no space left on device")
        write(*arguments)

    monkeypatch.setattr(make, step, full)
    with pytest.raises(OSError, match="no space left"):
        make_data(tmp_path / "steel", 12, shape=SMALL, progress=False)
    assert calls
    assert not list(tmp_path.iterdir())


# Makes a data set in the directory given, and is killed as soon as its first image is written.
KILLED = """
import os, signal, sys
from helpers.data.made_up import make

write = make._write_image
make._write_image = lambda *arguments: (write(*arguments), os.kill(os.getpid(), signal.SIGKILL))
make.make_data(sys.argv[1], 6, shape=(64, 384), progress=False)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL, and files are not locked there")
def test_make_data_removes_what_a_killed_run_left(tmp_path):
    for name in ("steel", "steel-2"):
        killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / name)], check=False)
        assert killed.returncode == -signal.SIGKILL
    left = {path.name.rpartition("-")[0]: path for path in tmp_path.iterdir()}
    assert sorted(left) == [".steel", ".steel-2"]
    assert all(list(path.rglob("*.jpg")) for path in left.values())
    made = make_data(tmp_path / "steel", 1, shape=SMALL, progress=False)
    assert set(tmp_path.iterdir()) == {left[".steel-2"], made}  # another directory's is not ours to remove


def test_make_data_leaves_what_is_still_in_use_or_not_its_own(tmp_path):
    (tmp_path / ".steel-notes").mkdir()
    (tmp_path / ".steel-notes" / "note.txt").write_text("mine")
    with workplace_beside(tmp_path / "steel") as other:
        made = make_data(tmp_path / "steel", 1, shape=SMALL, progress=False)
        assert set(tmp_path.iterdir()) == {other, tmp_path / ".steel-notes", made}
        assert list(other.iterdir()) == [other / "steel.lock"]
    assert set(tmp_path.iterdir()) == {tmp_path / ".steel-notes", made}
    assert (tmp_path / ".steel-notes" / "note.txt").read_text() == "mine"
