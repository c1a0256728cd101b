"""Tests of helpers.data.groups: copies planted in made-up sheets, what is none, and real images."""

import os
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from helpers.data.groups import COPY, PART, SHIFTED, count_leaks, find_copies, group_images
from helpers.data.groups.landmarks import find_landmarks
from helpers.data.groups.patterns import find_step
from helpers.data.groups.symmetries import NAMES, apply, apply_to_positions, combine
from helpers.data.images import read_image
from helpers.data.made_up import make_sheet
from helpers.data.split import make_split

SQUARE, STRIP = (128, 128), (96, 480)


@cache
def sheet(seed, shape=SQUARE):
    """A made-up sheet with a defect."""
    return make_sheet(np.random.default_rng(seed), shape, (1 + seed % 4,))[0]


def photographed_again(image, seed=0):
    """The image in other light, with noise, saved as a JPEG of low quality."""
    rng = np.random.default_rng(seed)
    image = image * rng.uniform(0.85, 1.15) + rng.uniform(-8, 8) + rng.normal(0, 1.5, image.shape)
    _, data = cv2.imencode(".jpg", np.clip(np.rint(image), 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 70])
    return cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)


def find(images, **options):
    """The copies among images by id."""
    return find_copies(images, images.get, progress=False, **options)


def names_of(pairs):
    """(first, second) of each pair."""
    return list(zip(pairs["first"], pairs["second"], strict=True))


def lie_over_each_other(first, second, pair):
    """What both images show once the second is moved as the table says."""
    second = apply(NAMES.index(pair["transform"]), second)
    (height, width), rows, columns = first.shape, pair["row_shift"], pair["column_shift"]
    return (
        first[max(rows, 0) : height + min(rows, 0), max(columns, 0) : width + min(columns, 0)],
        second[max(-rows, 0) : height - max(rows, 0), max(-columns, 0) : width - max(columns, 0)],
    )


class TestSymmetries:
    PICTURE = np.array([[1, 2, 3], [4, 5, 6]])
    MOVED = (
        ("same", [[1, 2, 3], [4, 5, 6]]),
        ("mirrored left-right", [[3, 2, 1], [6, 5, 4]]),
        ("mirrored top-bottom", [[4, 5, 6], [1, 2, 3]]),
        ("rotated 180", [[6, 5, 4], [3, 2, 1]]),
        ("mirrored at the main diagonal", [[1, 4], [2, 5], [3, 6]]),
        ("rotated 90 clockwise", [[4, 1], [5, 2], [6, 3]]),
        ("rotated 90 counterclockwise", [[3, 6], [2, 5], [1, 4]]),
        ("mirrored at the other diagonal", [[6, 3], [5, 2], [4, 1]]),
    )

    @pytest.mark.parametrize(("name", "expected"), MOVED)
    def test_apply_each(self, name, expected):
        assert apply(NAMES.index(name), self.PICTURE).tolist() == expected

    @pytest.mark.parametrize("symmetry", range(8))
    def test_apply_to_positions_follows_the_pixels(self, symmetry):
        moved = apply(symmetry, self.PICTURE)
        before = np.argwhere(self.PICTURE > 0)
        after = apply_to_positions(symmetry, before, moved.shape)
        assert moved[tuple(after.T)].tolist() == self.PICTURE[tuple(before.T)].tolist()

    def test_combine_every_two(self):
        for first in range(8):
            for second in range(8):
                both = apply(second, apply(first, self.PICTURE))
                assert apply(combine(second, first), self.PICTURE).tolist() == both.tolist()


class TestFindCopies:
    @pytest.mark.parametrize("again", [np.copy, photographed_again], ids=["same pixels", "photographed again"])
    @pytest.mark.parametrize("symmetry", range(8), ids=NAMES)
    @pytest.mark.parametrize("shape", [SQUARE, STRIP], ids=["square", "strip"])
    def test_find_copies_symmetries(self, shape, symmetry, again):
        # A strip that was turned by a quarter stands upright, and is compared with those that lie.
        images = {"a": sheet(1, shape), "b": sheet(2, shape), "c": again(apply(symmetry, sheet(1, shape)))}
        pairs = find(images)
        assert names_of(pairs) == [("a", "c")]
        pair = pairs.iloc[0]
        assert pair["kind"] == COPY
        assert (pair["row_shift"], pair["column_shift"]) == (0, 0)
        assert pair["overlap"] > 0.9
        assert pair["similarity"] > (0.7 if again is np.copy else 0.4)
        mine, theirs = lie_over_each_other(images["a"], images["c"], pair)
        assert np.corrcoef(mine.ravel(), theirs.ravel())[0, 1] > 0.85

    @pytest.mark.parametrize("again", [np.copy, photographed_again], ids=["same pixels", "photographed again"])
    @pytest.mark.parametrize("upright", [False, True])
    @pytest.mark.parametrize("symmetry", [0, 1, 2, 3, 5], ids=lambda symmetry: NAMES[symmetry])
    @pytest.mark.parametrize(("rows", "columns"), [(0, 240), (-30, 100), (35, -7), (48, 0)])
    def test_find_copies_shifted_crops(self, rows, columns, symmetry, upright, again):
        """Half the width, half the height, and less of both, of a strip that is seen twice."""
        height, width = STRIP
        piece = sheet(5, (height + 48, width + 240))
        start = np.maximum((-rows, -columns), 0)
        stop = start + np.array([rows, columns])
        first = piece[start[0] :, start[1] :][:height, :width]
        second = piece[stop[0] :, stop[1] :][:height, :width]
        images = {"a": first.T if upright else first, "b": apply(symmetry, again(second)), "c": sheet(6, STRIP)}
        pairs = find(images)
        assert names_of(pairs) == [("a", "b")]
        pair = pairs.iloc[0]
        assert pair["kind"] in (SHIFTED, PART)
        assert pair["kind"] == SHIFTED or again is photographed_again
        expected = (columns, rows) if upright else (rows, columns)
        assert (pair["row_shift"], pair["column_shift"]) == expected
        share = (1 - abs(rows) / height) * (1 - abs(columns) / width)
        assert 0.8 * share <= pair["overlap"] <= share + 1e-6
        mine, theirs = lie_over_each_other(images["a"], images["b"], pair)
        assert np.corrcoef(mine.ravel(), theirs.ravel())[0, 1] > 0.85

    def test_find_copies_parts_put_together(self):
        """The left half of one sheet beside the right half of another, as in pictures that were put together."""
        images = {"a": sheet(3, (200, 200)), "b": sheet(4, (200, 200))}
        images["c"] = np.hstack([images["a"][:, :115], images["b"][:, 115:]])
        pairs = find(images, least_overlap=0.3)
        assert names_of(pairs) == [("a", "c"), ("b", "c")]
        assert set(pairs["kind"]) == {PART}
        assert pairs["overlap"].tolist() == pytest.approx([0.575, 0.425], abs=0.1)
        assert names_of(find(images, least_overlap=0.5)) == [("a", "c")]
        assert find(images, least_overlap=0.7).empty

    @pytest.mark.parametrize(("shape", "count"), [(SQUARE, 150), (STRIP, 40)])
    def test_find_copies_different_sheets(self, shape, count):
        assert find({str(seed): sheet(seed, shape) for seed in range(count)}).empty

    def test_find_copies_blank_and_dark_images(self):
        """Even grey, black, and dark with the noise of a camera, also as JPEG: nothing to see is nothing in common."""
        rng = np.random.default_rng(0)
        images = {f"grey {level}": np.full(SQUARE, level, np.uint8) for level in (0, 0, 9, 128, 255)}
        for number in range(30):
            dark = rng.uniform(4, 20) + rng.normal(0, 1.2, SQUARE)
            images[f"dark {number}"] = np.clip(np.rint(dark), 0, 255).astype(np.uint8)
            images[f"jpeg {number}"] = photographed_again(images[f"dark {number}"], number)
            images[f"again {number}"] = np.full(SQUARE, 3, np.uint8)
        assert find(images, least_overlap=0.05).empty

    def test_find_copies_black_margins(self):
        """Sheets that fill a third of the image or less, the same third, are told apart, and their copies are found."""
        images = {}
        for seed in range(20):
            image = np.zeros(STRIP, np.uint8)
            width = 100 + 3 * seed
            image[:, -width:] = sheet(seed, STRIP)[:, :width]
            images[f"{seed} a"] = image
            images[f"{seed} b"] = photographed_again(image[:, ::-1], seed)
        pairs = find(images)
        assert names_of(pairs) == sorted((f"{seed} a", f"{seed} b") for seed in range(20))
        assert set(pairs["transform"]) == {"mirrored left-right"}

    def test_find_copies_same_lines(self):
        """Scratches and rolling marks run along the image; the same line alone is no copy."""
        images = {}
        for seed in range(30):
            rng = np.random.default_rng(seed)
            image = 90 + cv2.GaussianBlur(rng.normal(0, 14, (200, 200)), (0, 0), 1.2)
            image[:, 95:103] += 90
            image[:, 40:42] += 50
            images[str(seed)] = np.clip(np.rint(image), 0, 255).astype(np.uint8)
        assert find(images, least_overlap=0.05).empty

    def test_find_copies_chequered_plate(self):
        """Plates with the same ribs are no copies, but a shifted photograph of a plate is one."""
        rows, columns = np.mgrid[:200, :600]
        ribs = 60 * (np.abs((rows + columns) % 50 - 25) < 4) + 60 * (np.abs((rows - columns) % 50 - 25) < 4)
        plates = {}
        for seed in range(6):
            grain = cv2.GaussianBlur(np.random.default_rng(seed).normal(0, 30, ribs.shape), (0, 0), 1.5)
            plate = cv2.GaussianBlur(80.0 + ribs + grain, (0, 0), 1)
            plates[str(seed)] = np.clip(np.rint(plate), 0, 255).astype(np.uint8)
        images = {name: plate[:160, :480] for name, plate in plates.items()}
        assert all(find_step(find_landmarks(image)) for image in images.values())
        assert find(images).empty
        assert find_step(find_landmarks(sheet(1, STRIP))) is None
        images["again"] = photographed_again(plates["3"][33:193, 71:551])
        pairs = find(images)
        assert names_of(pairs) == [("3", "again")]
        assert pairs[["row_shift", "column_shift"]].values.tolist() == [[33, 71]]

    def test_find_copies_many_of_one(self):
        """More copies than a landmark has neighbours looked at still are one group."""
        images = {f"copy {number}": apply(number % 8, sheet(1)) for number in range(60)}
        images |= {f"other {seed}": sheet(seed) for seed in range(2, 12)}
        groups = group_images(images, find(images))
        assert groups.nunique() == 11
        assert groups[[name for name in images if name.startswith("copy")]].nunique() == 1

    def test_find_copies_different_shapes(self):
        """The same sheet in other sizes is not compared; each shape for itself, and turned ones with each other."""
        large = sheet(1, (128, 192))
        images = {"a": large, "b": large[:, :160], "c": large[:100], "d": large.T, "e": large[:, :160][::-1]}
        assert names_of(find(images)) == [("a", "d"), ("b", "e")]

    def test_find_copies_large_images(self):
        """Images of many pixels are compared at a smaller scale; shifts still count their own pixels."""
        piece = cv2.resize(sheet(3, (240, 320)), (1600, 1200), interpolation=cv2.INTER_CUBIC)
        images = {"a": piece[:1000, :1300], "b": piece[120:1120, 200:1500]}
        pair = find(images).iloc[0]
        assert pair["kind"] == SHIFTED
        assert abs(pair["row_shift"] - 120) <= 4
        assert abs(pair["column_shift"] - 200) <= 4

    def test_find_copies_does_not_depend_on_the_order(self):
        images = {f"{seed} {symmetry}": apply(symmetry, sheet(seed)) for seed in range(8) for symmetry in (0, 3, 6)}
        pairs = find(images)
        assert len(pairs) == 8 * 3
        assert (pairs["first"] < pairs["second"]).all()
        shuffled = np.random.default_rng(0).permutation(list(images)).tolist()
        pd.testing.assert_frame_equal(find_copies(shuffled, images.get, progress=False), pairs)

    def test_find_copies_takes_three_axes(self):
        images = {"a": sheet(1)[:, :, None], "b": sheet(1)[::-1, :, None]}
        assert find(images)["transform"].tolist() == ["mirrored top-bottom"]

    @pytest.mark.parametrize("images", [{}, {"a": np.zeros(SQUARE, np.uint8)}, {"a": np.full((3, 5), 7, np.uint8)}])
    def test_find_copies_nothing_to_compare(self, images):
        pairs = find(images)
        assert pairs.empty
        assert list(pairs.columns)[:4] == ["first", "second", "kind", "transform"]
        assert group_images(images, pairs).tolist() == list(range(len(images)))

    @pytest.mark.parametrize(
        "image", [np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8)), np.zeros((0, 8), np.uint8), None]
    )
    def test_find_copies_wrong_image(self, image):
        with pytest.raises(ValueError, match="b: got .* expected a grey image"):
            find({"a": sheet(1), "b": image})

    def test_find_copies_repeated_id(self):
        with pytest.raises(ValueError, match="'a' comes more than once"):
            find_copies(["a", "b", "a"], lambda image_id: sheet(1), progress=False)

    @pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
    def test_find_copies_wrong_share(self, share):
        with pytest.raises(ValueError, match="least_overlap: got .* expected a share"):
            find({}, least_overlap=share)


class TestGroupImages:
    def test_group_images_links_copies_of_copies(self):
        pairs = pd.DataFrame({"first": ["b", "c", "e"], "second": ["d", "d", "a"]})
        groups = group_images(["d", "a", "b", "c", "e", "f"], pairs)
        # d-b and d-c are one group; a-e the next that appears; f has no copy.
        assert groups.to_dict() == {"d": 0, "a": 1, "b": 0, "c": 0, "e": 1, "f": 2}
        assert groups.index.tolist() == ["d", "a", "b", "c", "e", "f"]

    def test_group_images_without_pairs(self):
        pairs = pd.DataFrame({"first": [], "second": []})
        assert group_images(["b", "a"], pairs).to_dict() == {"b": 0, "a": 1}

    def test_group_images_unknown_image(self):
        with pytest.raises(ValueError, match="pairs: 'x' is not among the image ids"):
            group_images(["a", "b"], pd.DataFrame({"first": ["a", "a"], "second": ["b", "x"]}))

    def test_group_images_repeated_image(self):
        with pytest.raises(ValueError, match="'a' comes more than once"):
            group_images(["a", "b", "a"], pd.DataFrame({"first": [], "second": []}))

    def test_group_images_for_a_split(self):
        """Groups keep a split from leaking."""
        ids = [f"{number}" for number in range(60)]
        pairs = pd.DataFrame({"first": ids[:30], "second": ids[30:]})
        areas = pd.DataFrame({1: np.arange(60) % 2, 2: np.arange(60) % 3}, index=ids)
        groups = group_images(ids, pairs)
        loose, tight = (make_split(areas, 0, chosen).set_index("image_id")["split"] for chosen in (None, groups))
        assert count_leaks(groups, loose)["leaks"].sum() > 0
        assert count_leaks(groups, tight)["leaks"].sum() == 0


class TestCountLeaks:
    #       image  group  part
    TABLE = (
        ("a", 0, "train"),  # 0: in all three parts
        ("b", 0, "train"),
        ("c", 0, "validation"),
        ("d", 0, "holdout"),
        ("e", 1, "train"),  # 1: train and holdout
        ("f", 1, "holdout"),
        ("g", 2, "train"),  # 2: train alone
        ("h", 3, "validation"),  # 3: validation alone
        ("i", 4, None),  # in no part
    )
    EXPECTED = (
        ("train", "validation", 4, 2, 0.5),  # a, b
        ("train", "holdout", 4, 3, 0.75),  # a, b, e
        ("train", "any", 4, 3, 0.75),
        ("validation", "train", 2, 1, 0.5),  # c
        ("validation", "holdout", 2, 1, 0.5),
        ("validation", "any", 2, 1, 0.5),
        ("holdout", "train", 2, 2, 1.0),  # d, f
        ("holdout", "validation", 2, 1, 0.5),  # d
        ("holdout", "any", 2, 2, 1.0),
    )

    def test_count_leaks_by_hand(self):
        table = pd.DataFrame(self.TABLE, columns=["image", "group", "part"]).set_index("image")
        leaks = count_leaks(table["group"], table["part"].dropna())
        assert list(leaks.itertuples(index=False, name=None)) == list(self.EXPECTED)

    def test_count_leaks_one_part(self):
        leaks = count_leaks(pd.Series({"a": 0, "b": 0}), pd.Series({"a": "all", "b": "all"}))
        assert leaks.values.tolist() == [["all", "any", 2, 0, 0.0]]

    def test_count_leaks_image_without_a_group(self):
        with pytest.raises(ValueError, match="groups: image 'b' has none"):
            count_leaks(pd.Series({"a": 0}), pd.Series({"a": "train", "b": "test"}))


class TestRealImages:
    """NEU-Seg holds turned and mirrored copies, often 870 numbers apart."""

    FOLDER = Path(os.environ.get("NEU_SEG") or Path(__file__).resolve().parents[2] / "shared" / "neu_seg") / "images"

    @pytest.fixture
    def images(self):
        if not self.FOLDER.is_dir():
            pytest.skip("NEU-Seg is not there: name its folder in the environment variable NEU_SEG")
        names = sorted(path.name for path in self.FOLDER.glob("train_*") if int(path.stem[6:]) % 870 < 120)
        return {name: read_image(self.FOLDER / name)[:, :, 0] for name in names}

    @staticmethod
    def compare_all(images):
        """Correlation of every two images without their shading, under the best of the eight symmetries."""
        reduced = []
        for image in images.values():
            small = cv2.resize(image, (50, 50), interpolation=cv2.INTER_AREA).astype(np.float32)
            small -= cv2.blur(small, (11, 11))
            small /= np.sqrt(cv2.blur(small * small, (11, 11))) + 2
            reduced.append((small - small.mean()) / np.linalg.norm(small - small.mean()))
        reduced = np.array(reduced)
        flat = reduced.reshape(len(reduced), -1)
        turned = (np.array([apply(symmetry, small) for small in reduced]) for symmetry in range(8))
        return np.max([flat @ moved.reshape(len(reduced), -1).T for moved in turned], axis=0)

    def test_find_copies_as_comparing_every_two_does(self, images):
        pairs = find(images)
        copies = set(names_of(pairs[pairs["kind"] == COPY]))
        correlations, names = self.compare_all(images), list(images)
        expected = {(names[one], names[other]) for one, other in np.argwhere(np.triu(correlations > 0.93, 1))}
        assert len(expected) > 300
        assert expected <= copies
        number = {name: index for index, name in enumerate(names)}
        assert all(correlations[number[one], number[other]] > 0.9 for one, other in copies)
        found = group_images(images, pairs[pairs["kind"] == COPY])
        by_brute_force = group_images(images, pd.DataFrame(sorted(expected), columns=["first", "second"]))
        assert found.equals(by_brute_force) and (found.value_counts() >= 3).sum() > 100
