"""Importing COCO annotations: what each form of a mask means, and every fault by its name."""

import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from helpers.data.dataset import read_dataset
from helpers.data.import_coco import decode_counts, fill_polygon, import_coco, segmentation_mask
from helpers.data.importing import FaultyFileError
from helpers.data.problems import ERROR, WARNING
from helpers.data.tables import read_table

# 4 rows, 6 columns; pixel number = 4 * column + row + 1, both counted from 0.
SHAPE = (4, 6)
SQUARE = [1, 0, 3, 0, 3, 2, 1, 2]  # x from 1 to 3, y from 0 to 2: columns 1 and 2, rows 0 and 1
SQUARE_RUNS = "5 2 9 2"


def picture_bytes(shape=SHAPE, kind="PNG", **arguments):
    file = io.BytesIO()
    Image.new("L", (shape[1], shape[0]), 90).save(file, kind, **arguments)
    return file.getvalue()


def annotation(image_id=1, category_id=3, segmentation=None, **more):
    return {
        "id": 10,
        "image_id": image_id,
        "category_id": category_id,
        "segmentation": [SQUARE] if segmentation is None else segmentation,
    } | more


def entry(identifier=1, name="a.png", shape=SHAPE, **more):
    return {"id": identifier, "file_name": name, "height": shape[0], "width": shape[1]} | more


CATEGORIES = [{"id": 7, "name": "scratches"}, {"id": 3, "name": "pits"}]


@pytest.fixture
def coco(tmp_path):
    """A function that imports annotations of the images a.png (id 1) and b.png (id 2), and gives what came out."""

    def run(annotations=(), entries=None, categories=CATEGORIES, files=("a.png", "b.png"), **arguments):
        for name in files:
            path = tmp_path / "images" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(picture_bytes())
        entries = [entry(), entry(2, "b.png")] if entries is None else entries
        content = {"images": entries, "annotations": list(annotations), "categories": categories}
        (tmp_path / "coco.json").write_text(json.dumps(content))
        return import_coco(tmp_path / "coco.json", tmp_path / "images", tmp_path / "out", progress=False, **arguments)

    return run


def rows(imported):
    table = read_table(imported.directory / "train.csv")
    return list(table[["ImageId", "ClassId", "EncodedPixels"]].itertuples(index=False, name=None))


def problems_of(imported):
    return list(imported.problems[["severity", "file", "problem"]].itertuples(index=False, name=None))


# What comes out


def test_import_coco_writes_the_layout_of_the_competition(coco, tmp_path):
    imported = coco([annotation(category_id=7), annotation(category_id=3)])
    assert rows(imported) == [("a.png", "1", SQUARE_RUNS), ("a.png", "2", SQUARE_RUNS)]
    described = json.loads((tmp_path / "out/classes.json").read_text())
    assert described == {"name": "out", "classes": {"1": "pits", "2": "scratches"}, "sizes": "same"}
    assert (tmp_path / "out/train_images/a.png").read_bytes() == picture_bytes()
    assert list((tmp_path / "out/test_images").iterdir()) == []
    assert (imported.images, imported.defect_free, imported.left_out, len(imported.problems)) == (2, 1, 0, 0)
    assert read_dataset(tmp_path / "out").areas.to_numpy().tolist() == [[4, 4], [0, 0]]


def test_import_coco_unites_annotations_of_one_class(coco):
    lower = [1, 1, 3, 1, 3, 3, 1, 3]  # the same columns, one row further down
    crowd = {"size": list(SHAPE), "counts": [23, 1]}  # the last pixel
    imported = coco([annotation(), annotation(segmentation=[lower]), annotation(segmentation=crowd, iscrowd=1)])
    assert rows(imported) == [("a.png", "1", "5 3 9 3 24 1")]


def test_import_coco_sorts_categories_by_number(coco):
    categories = [{"id": number, "name": f"kind {number}"} for number in (10, 9, 0)]
    imported = coco([annotation(category_id=9)], categories=categories)
    assert imported.class_names == ("kind 0", "kind 9", "kind 10")
    assert rows(imported) == [("a.png", "2", SQUARE_RUNS)]
    unused = [problem for severity, _, problem in problems_of(imported) if severity == WARNING]
    assert unused == ["category 'kind 0' has no annotation", "category 'kind 10' has no annotation"]


def test_import_coco_takes_ids_that_are_texts_and_images_in_folders(coco):
    entries = [entry("one", "sheets/left/a.png"), entry("two", "./b.png")]
    imported = coco([annotation("one")], entries, CATEGORIES[1:], files=("sheets/left/a.png", "b.png"))
    assert rows(imported) == [("a.png", "1", SQUARE_RUNS)]
    assert sorted(path.name for path in (imported.directory / "train_images").iterdir()) == ["a.png", "b.png"]
    assert imported.problems.empty


def test_import_coco_keeps_hostile_file_names(coco, tmp_path):
    names = ["<script>.png", "two\nlines.png", 'comma, "quote".png', "Öse_鋼.png"]
    entries = [entry(number, name) for number, name in enumerate(names)]
    coco([annotation(number) for number in range(len(names))], entries, files=names)
    assert read_dataset(tmp_path / "out").areas[1].to_dict() == dict.fromkeys(names, 4)


def test_import_coco_takes_entries_without_a_size_and_different_sizes(coco, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images/c.png").write_bytes(picture_bytes((9, 5)))
    imported = coco([annotation(3)], [entry(), {"id": 3, "file_name": "c.png"}], files=["a.png"])
    assert dict(imported.shapes) == {(4, 6): 1, (9, 5): 1}
    assert rows(imported) == [("c.png", "1", "10 2 19 2")]  # columns of 9 pixels
    assert json.loads((tmp_path / "out/classes.json").read_text())["sizes"] == "any"


def test_import_coco_takes_test_images(coco, tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new/t.png").write_bytes(picture_bytes())
    assert coco([annotation()], test=tmp_path / "new").test_images == 1
    assert (tmp_path / "out/test_images/t.png").is_file()


# Faults of single images, each of which leaves the others alone

HUGE = [1, 0, 1e300, 0, 3, 2]
RUN_LENGTHS = {"size": list(SHAPE), "counts": [23, 1]}
BAD_ANNOTATIONS = {
    "an unknown category": ({"category_id": 99}, "category_id is '99', which the file doesn't list"),
    "a category that is a list": ({"category_id": [3]}, "category_id is '[3]', which"),
    "two points": ({"segmentation": [[0, 0, 1, 1]]}, "polygon 1 has 2 points; expected 3 or more"),
    "an odd number": ({"segmentation": [SQUARE, SQUARE[:7]]}, "polygon 2 has an odd number of coordinates (7)"),
    "a text in a polygon": ({"segmentation": [[*SQUARE[:7], "2"]]}, "polygon 1 is "),
    "a polygon without a list around it": ({"segmentation": SQUARE}, "polygon 1 is '1'; expected a list of numbers"),
    "an immense coordinate": ({"segmentation": [HUGE]}, "polygon 1 has the coordinate '1e+300'; expected pixels"),
    "no number": ({"segmentation": [[float("nan"), *SQUARE[1:]]]}, "polygon 1 has the coordinate 'nan'"),
    "outside the image": ({"segmentation": [[8, 0, 9, 0, 9, 2]]}, "the segmentation covers no pixel of the image"),
    "no polygon": ({"segmentation": []}, "the segmentation is '[]'; expected polygons or run lengths"),
    "no segmentation": ({"segmentation": "box"}, "the segmentation is 'box'; expected polygons or run lengths"),
    "run lengths of another size": (
        {"segmentation": RUN_LENGTHS | {"size": [6, 4]}},
        "the run lengths are of the size '[6, 4]'; expected [4, 6] like the image",
    ),
    "run lengths without a size": ({"segmentation": {"counts": [24]}}, "the run lengths are of the size 'None'"),
    "too few run lengths": (
        {"segmentation": RUN_LENGTHS | {"counts": [20, 3]}},
        "the run lengths add up to 23 pixels; expected 24 pixels in all like the image",
    ),
    "a negative run length": ({"segmentation": RUN_LENGTHS | {"counts": [25, -1]}}, "are not whole numbers from 0"),
    "a run length as a text": ({"segmentation": RUN_LENGTHS | {"counts": ["24"]}}, "are not whole numbers from 0"),
    "compressed run lengths cut off": ({"segmentation": RUN_LENGTHS | {"counts": "P"}}, "run lengths are cut off"),
    "what compressed run lengths can't hold": (
        {"segmentation": RUN_LENGTHS | {"counts": "5 2"}},
        "character 2 (' ') is none of compressed run lengths",
    ),
}


@pytest.mark.parametrize("name", BAD_ANNOTATIONS)
def test_import_coco_leaves_out_an_image_with(name, coco):
    changed, problem = BAD_ANNOTATIONS[name]
    # The second annotation is sound, but the image is not known to have no more than that.
    imported = coco([annotation(id=4) | changed, annotation(id=5), annotation(image_id=2, id=6)])
    errors = [found for found in problems_of(imported) if found[0] == ERROR]
    assert len(errors) == 1
    assert errors[0][1] == "coco.json"
    assert errors[0][2].startswith("annotation '4': ")
    assert problem in errors[0][2]
    assert rows(imported) == [("b.png", "1", SQUARE_RUNS)]
    assert (imported.images, imported.left_out) == (1, 1)
    assert imported.problems.loc[imported.problems["severity"] == ERROR, "image_id"].tolist() == ["a.png"]


NAMES_OUTSIDE = [
    "../a.png",
    "sheets/../../a.png",
    "/etc/a.png",
    "",
    "..",
    "a\0.png",
    "..\\a.png",
    "sheets\\..\\..\\a.png",
    "\ud800.png",
    5,
    None,
]


@pytest.mark.parametrize("name", NAMES_OUTSIDE)
def test_import_coco_stays_in_the_folder_of_images(name, coco, tmp_path):
    (tmp_path / "a.png").write_bytes(picture_bytes())
    (tmp_path / "images/sheets").mkdir(parents=True)
    imported = coco([annotation()], [entry(name=name), entry(2, "b.png")], files=["b.png"])
    (severity, file, problem), *others = [found for found in problems_of(imported) if found[0] == ERROR]
    assert (severity, file, others) == (ERROR, "coco.json", [])
    assert problem.startswith("file_name is ")
    assert [path.name for path in (imported.directory / "train_images").iterdir()] == ["b.png"]
    assert (imported.images, imported.left_out) == (1, 1)


def test_import_coco_follows_no_folder_that_leads_out(coco, tmp_path):
    for folder in ("elsewhere", "images"):
        (tmp_path / folder).mkdir()
    (tmp_path / "elsewhere/a.png").write_bytes(picture_bytes())
    (tmp_path / "images/link").symlink_to(tmp_path / "elsewhere")
    imported = coco([annotation()], [entry(name="link/a.png"), entry(2, "b.png")], files=["b.png"])
    assert "file_name 'link/a.png' leads out of the folder of images by a link" in imported.problems["problem"].tolist()
    assert imported.images == 1


BAD_ENTRIES = {
    "an image that is not there": ([entry(name="c.png")], "image 'c.png' is not in images/", 1),
    "an id that is there twice": (
        [entry(name="a.png"), entry(name="c.png")],
        "image 'a.png' has the id '1', which is missing or there twice",
        2,
    ),
    "no id": ([entry(None, "a.png")], "image 'a.png' has the id 'None', which is missing or there twice", 1),
    "a name that is there twice": ([entry(), entry(3, "x/a.png")], "several images end in the name 'a.png'", 2),
    "a hidden file": ([entry(name=".a.png")], "file_name is '.a.png', a hidden file", 1),
    "another size": (
        [entry(shape=(6, 4))],
        "the image's entry has 6 x 4 pixels; expected 4 x 6 like the image",
        1,
    ),
    "a size that is none": ([entry(height="4")], "height and width are '4' and '6'; expected pixels", 1),
}


@pytest.mark.parametrize("name", BAD_ENTRIES)
def test_import_coco_leaves_out(name, coco):
    entries, problem, number = BAD_ENTRIES[name]
    imported = coco([annotation(2)], [*entries, entry(2, "b.png")], files=["a.png", "b.png", "x/a.png", ".a.png"])
    errors = [found for found in problems_of(imported) if found[0] == ERROR]
    assert len(errors) == number
    assert (errors[0][1], errors[0][2]) == ("coco.json", problem) or problem in errors[0][2]
    assert (imported.images, imported.left_out) == (1, number)


def test_import_coco_lists_annotations_of_unknown_images(coco):
    imported = coco([annotation(), annotation(77, id=5), {"segmentation": [SQUARE]}])
    assert problems_of(imported)[:2] == [
        (ERROR, "coco.json", "annotation '5' is of image '77', which isn't listed"),
        (ERROR, "coco.json", "the annotation at place 3 is of image 'None', which isn't listed"),
    ]
    assert imported.images == 2


def test_import_coco_lists_files_that_the_file_does_not_list(coco):
    imported = coco([annotation(), annotation(category_id=7)], [entry()], files=["a.png", "c.png"])
    problem = "the file lists no such image, so it is left out"
    assert problems_of(imported) == [(WARNING, "images/c.png", problem)]


def test_import_coco_lists_an_image_that_can_not_be_read(coco, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images/c.png").write_bytes(b"no picture")
    imported = coco([annotation(2)], [entry(name="c.png"), entry(2, "b.png")], files=["b.png"])
    assert (ERROR, "images/c.png", "this is no image") in problems_of(imported)


def test_import_coco_sees_that_an_image_is_turned(coco, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "images").mkdir()
    (tmp_path / "images/c.jpg").write_bytes(picture_bytes((6, 4), "JPEG", exif=exif))
    imported = coco([], [entry(1, "c.jpg", (6, 4)), entry(2, "b.png")], files=["b.png"])
    assert any("which its EXIF orientation 6 turns upright" in problem for _, _, problem in problems_of(imported))
    assert imported.images == 1


# Faults of the whole


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("{", "coco.json: this is no JSON"),
        ("[" * 100_000, "this is no JSON"),
        ("[]", r"the list 'images' is missing .*found: 'list'"),
        ('{"images": [], "info": {}}', r"the list 'annotations' is missing .*found: 'images, info'"),
        (
            '{"images": [3], "annotations": [], "categories": []}',
            "the list 'images' is missing or holds something else",
        ),
        ('{"images": [], "annotations": [], "categories": []}', "categories: got 0 names"),
        ('{"images": [], "annotations": [], "categories": [{"name": "a"}]}', "a category has the id 'None'"),
        (
            '{"images": [], "annotations": [], "categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]}',
            "a category has the id '1', which is missing or there twice",
        ),
        (
            '{"images": [], "annotations": [], "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "a"}]}',
            "categories: 'a' is there twice",
        ),
        ('{"images": [], "annotations": [], "categories": [{"id": 1}]}', "class 1 is called 'None'"),
    ],
)
def test_import_coco_refuses_a_file(text, match, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "coco.json").write_text(text)
    with pytest.raises(ValueError, match=match):
        import_coco(tmp_path / "coco.json", tmp_path / "images", tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()


def test_import_coco_misses_the_file(tmp_path):
    (tmp_path / "images").mkdir()
    with pytest.raises(FileNotFoundError, match=r"coco.json: there is no such file"):
        import_coco(tmp_path / "coco.json", tmp_path / "images", tmp_path / "out")


def test_import_coco_writes_nothing_when_no_image_is_left(coco, tmp_path):
    with pytest.raises(ValueError, match=r"(?s)None of 1 images can be imported.*image 'c.png' is not in images/"):
        coco([], [entry(name="c.png")])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["coco.json", "images"]


# Masks


# Areas by pycocotools 2.0.11, merge(frPyObjects([polygon], 40, 50)). It walks along the outline in steps of a fifth of
# a pixel, so that single pixels may differ: one of 588 here.
@pytest.mark.parametrize(
    ("polygon", "area", "slack"),
    [
        ([10.3, 5.2, 40.7, 8.9, 30.1, 33.4, 12.8, 28.6], 588, 1),
        ([2.5, 2.5, 9.5, 2.5, 9.5, 5.5, 2.5, 5.5], 21, 0),  # through the centres of pixels: half-open, 7 x 3
        ([3, 3, 3.4, 3, 20, 30, 19.6, 30], 11, 0),  # thinner than a pixel
        ([-10, -10, 25, 10, -5, 30], 370, 0),  # leaves the image
        ([5, 5, 30, 25, 30, 5, 5, 25], 252, 0),  # crosses itself
    ],
)
def test_fill_polygon_has_the_area_of_the_coco_tools(polygon, area, slack):
    assert abs(int(fill_polygon(np.reshape(polygon, (-1, 2)), (40, 50)).sum()) - area) <= slack


def test_fill_polygon_around_everything():
    corners = np.array([[-1e6, -1e6], [1e6, -1e6], [1e6, 1e6], [-1e6, 1e6]])
    assert fill_polygon(corners, (3, 5)).all()


@example(2, 1, 3, 4, -0.49, 0)
@example(2, 1, 3, 4, 0.49, 0)
@given(
    st.integers(0, 6),
    st.integers(0, 6),
    st.integers(1, 6),
    st.integers(1, 6),
    st.floats(-0.49, 0.49),
    st.integers(0, 3),
)
def test_fill_polygon_of_a_rectangle_is_its_slice(top, left, height, width, offset, turn):
    """Edges between two pixels' centres give the same pixels wherever they lie, from whichever corner they are told."""
    corners = np.array([[left, top], [left + width, top], [left + width, top + height], [left, top + height]]) + offset
    expected = np.zeros((9, 11), dtype=np.uint8)
    expected[top : top + height, left : left + width] = 1
    assert np.array_equal(fill_polygon(np.roll(corners, turn, axis=0), (9, 11)), expected)
    assert np.array_equal(fill_polygon(corners[::-1], (9, 11)), expected)


# A disc and a stroke on 60 x 80 pixels, encoded by pycocotools 2.0.11.
DISC = (
    "dn0;_14M2M4M2O0O2N2O0O2O00000000000000000001N101N2N101N3L3N3Lh;HcD0O010O010O010O010O010O010O010O010O010O010O010O010O0"
    "10O0`N"
)


def test_segmentation_mask_of_compressed_run_lengths():
    row, column = np.mgrid[:60, :80]
    disc = (row - 25) ** 2 + (column - 30) ** 2 < 15**2
    stroke = (abs(row - column // 2 - 10) < 2) & (column > 50)
    assert np.array_equal(segmentation_mask({"size": [60, 80], "counts": DISC}, (60, 80)), disc | stroke)


def test_segmentation_mask_goes_down_the_columns():
    mask = segmentation_mask({"size": [2, 3], "counts": [1, 2, 3]}, (2, 3))
    assert mask.tolist() == [[0, 1, 0], [1, 0, 0]]


def test_segmentation_mask_that_begins_with_defect():
    assert segmentation_mask({"size": [2, 2], "counts": [0, 4]}, (2, 2)).all()


def encode_counts(counts):
    """The inverse of `decode_counts`, as its docstring describes the format."""
    text = ""
    for position, count in enumerate(counts):
        value = count - counts[position - 2] if position > 2 else count
        more = True
        while more:
            bits, value = value & 31, value >> 5
            more = value != (-1 if bits & 16 else 0)
            text += chr(48 + bits + 32 * more)
    return text


@given(st.lists(st.integers(0, 10**7), max_size=30))
def test_decode_counts_reads_what_was_encoded(counts):
    assert decode_counts(encode_counts(counts)) == counts


def test_decode_counts_of_a_number_without_end():
    with pytest.raises(ValueError, match="character 14"):
        decode_counts("o" * 10_000)


def test_segmentation_mask_names_no_file():
    with pytest.raises(FaultyFileError, match=r"^polygon 1 has 1 points"):
        segmentation_mask([[1, 2]], SHAPE)


# Real images


def test_import_coco_of_real_masks(tmp_path):
    """Real masks, written as COCO run lengths, come back with every pixel."""
    neu_seg = Path(os.environ.get("NEU_SEG") or Path(__file__).parents[2] / "shared" / "neu_seg")
    if not neu_seg.is_dir():
        pytest.skip(f"{neu_seg} is not there; NEU_SEG names the folder with the real images.")
    names = [path.stem for path in sorted((neu_seg / "masks").iterdir())[::100]]
    masks = [np.asarray(Image.open(neu_seg / "masks" / f"{name}.png")) for name in names]
    annotations = []
    for number, mask in enumerate(masks):
        for value in sorted(set(mask.ravel().tolist()) - {0}):
            flat = (mask == value).T.ravel()
            edges = np.flatnonzero(np.diff(flat, prepend=False)).tolist()
            counts = np.diff([0, *edges, flat.size]).tolist()
            counts = encode_counts(counts) if value == 2 else counts
            annotations.append(annotation(number, value, {"size": list(mask.shape), "counts": counts}))
    entries = [entry(number, f"{name}.jpg", (200, 200)) for number, name in enumerate(names)]
    categories = [{"id": 1, "name": "inclusion"}, {"id": 2, "name": "patches"}, {"id": 3, "name": "scratches"}]
    content = {"images": entries, "annotations": annotations, "categories": categories}
    (tmp_path / "coco.json").write_text(json.dumps(content))
    imported = import_coco(tmp_path / "coco.json", neu_seg / "images", tmp_path / "out", progress=False)
    assert imported.images == len(names) > 30
    dataset = read_dataset(tmp_path / "out")
    for name, mask in zip(names, masks, strict=True):
        assert np.array_equal(dataset.masks(f"{name}.jpg") @ np.array([1, 2, 3], dtype=np.uint8), mask)
