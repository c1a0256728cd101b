"""Importing images with masks: the layout that comes out, every way of storing a mask, and every fault by its name."""

import io
import json
import os
import shutil
import struct
import sys
import unicodedata
import zlib
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from helpers.data import importing
from helpers.data.dataset import read_dataset
from helpers.data.import_masks import import_masks, read_mask
from helpers.data.importing import FaultyFileError, read_class_names
from helpers.data.problems import ERROR, WARNING
from helpers.data.tables import read_table

NEU_SEG = Path(os.environ.get("NEU_SEG") or Path(__file__).parents[2] / "shared" / "neu_seg")
# 4 rows, 6 columns; pixel number = 4 * column + row + 1, both counted from 0.
MASK = np.array(
    [
        [1, 1, 0, 0, 0, 0],
        [1, 0, 0, 0, 0, 0],
        [0, 0, 0, 2, 2, 0],
        [0, 0, 0, 0, 0, 2],
    ],
    dtype=np.uint8,
)
RUNS = {1: "1 2 5 1", 2: "15 1 19 1 24 1"}
CLEAN = np.zeros_like(MASK)


def picture_bytes(shape=MASK.shape, mode="L", kind="PNG", **arguments):
    """An even picture as a file's bytes."""
    file = io.BytesIO()
    Image.new(mode, (shape[1], shape[0]), 90 if mode == "L" else None).save(file, kind, **arguments)
    return file.getvalue()


def mask_bytes(values):
    """A mask as a PNG file's bytes."""
    encoded, data = cv2.imencode(".png", values)
    assert encoded
    return data.tobytes()


def png_bytes(shape, depth, colour_type, rows):
    """A PNG written by hand, for the ways of storing that no library here writes."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", shape[1], shape[0], depth, colour_type, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
    return b"\x89PNG\r\n\x1a\n" + header + data + chunk(b"IEND", b"")


@pytest.fixture
def place(tmp_path):
    """A function that writes files under tmp_path from a mapping of path to bytes, and gives (images, masks, out)."""

    def write(files):
        for name in ("images", "masks"):
            (tmp_path / name).mkdir(exist_ok=True)
        for name, data in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return tmp_path / "images", tmp_path / "masks", tmp_path / "out"

    return write


def good(**more):
    """Files of two images: a has classes 1 and 2, b is clean."""
    files = {
        "images/a.png": picture_bytes(),
        "masks/a.png": mask_bytes(MASK),
        "images/b.png": picture_bytes(),
        "masks/b.png": mask_bytes(CLEAN),
    }
    return files | more


def contents(directory):
    """Relative path -> bytes of every file in a folder."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }


def problems_of(imported):
    """(severity, file, problem) of each problem."""
    return list(imported.problems[["severity", "file", "problem"]].itertuples(index=False, name=None))


def run(places, **arguments):
    return import_masks(*places, progress=False, **arguments)


# The layout


def test_import_masks_writes_the_layout_of_the_competition(place):
    jpeg = picture_bytes(mode="RGB", kind="JPEG")
    places = place(good(**{"images/b.jpeg": jpeg}) | {"images/.DS_Store": b"hidden"})
    (places[0] / "b.png").unlink()
    imported = run(places, class_names=["pits", "scratches"])
    out = places[2]
    assert contents(out) == {
        "classes.json": contents(out)["classes.json"],
        "import_problems.csv": b"severity,file,row,image_id,problem,mend\n",
        "train.csv": f"ImageId,ClassId,EncodedPixels\na.png,1,{RUNS[1]}\na.png,2,{RUNS[2]}\n".encode(),
        "train_images/a.png": picture_bytes(),
        "train_images/b.jpeg": jpeg,
    }
    classes = {"name": "out", "classes": {"1": "pits", "2": "scratches"}, "sizes": "same"}
    assert json.loads((out / "classes.json").read_text()) == classes
    assert (out / "test_images").is_dir()
    assert (imported.images, imported.defect_free, imported.images_of_class) == (2, 1, (1, 1))
    assert (imported.left_out, imported.test_images, dict(imported.shapes)) == (0, 0, {(4, 6): 2})
    assert sorted(path.name for path in out.parent.iterdir()) == ["images", "masks", "out"]


def test_import_masks_gives_what_read_dataset_reads(place):
    places = place(good())
    run(places, class_names="pits,scratches")
    dataset = read_dataset(places[2])
    assert dataset.class_names == ("pits", "scratches")
    assert dataset.areas.to_dict("index") == {"a.png": {1: 3, 2: 3}, "b.png": {1: 0, 2: 0}}
    assert np.array_equal(dataset.masks("a.png")[..., 1], MASK == 2)
    assert dataset.problems.empty


def test_import_masks_of_one_folder_a_class(place):
    files = {f"images/{name}.png": picture_bytes() for name in "abc"}
    files["masks/pits/a.png"] = mask_bytes((MASK == 1) * np.uint8(255))
    files["masks/scratches/a.png"] = mask_bytes((MASK == 2) * np.uint8(1))
    files["masks/scratches/b.png"] = mask_bytes((MASK == 2) * np.uint8(7))
    places = place(files)
    imported = run(places, clean_without_mask=True)
    assert imported.class_names == ("pits", "scratches")
    rows = f"ImageId,ClassId,EncodedPixels\na.png,1,{RUNS[1]}\na.png,2,{RUNS[2]}\nb.png,2,{RUNS[2]}\n"
    assert (places[2] / "train.csv").read_text() == rows
    assert (imported.images, imported.defect_free) == (3, 1)


def test_import_masks_of_folders_takes_the_given_order_and_names_the_odd_ones(place):
    files = good() | {f"masks/{name}/a.png": mask_bytes(MASK) for name in ("pits", "stains")}
    files |= {"masks/pits/b.png": mask_bytes(CLEAN)}
    del files["masks/a.png"], files["masks/b.png"]
    imported = run(place(files), class_names=["scratches", "pits"])
    assert imported.class_names == ("scratches", "pits")
    # a.png may be defective in a way that has no name here, so that it is not taken as what its other mask says.
    assert (imported.images, imported.images_of_class) == (1, (0, 0))
    found = {(severity, file) for severity, file, _ in problems_of(imported)}
    assert {(ERROR, "masks/stains"), (ERROR, "masks/stains/a.png"), (WARNING, "masks/scratches")} <= found


def test_import_masks_counts_folders_as_people_do(place):
    files = {"images/a.png": picture_bytes()}
    files |= {f"masks/class {number}/a.png": mask_bytes(MASK) for number in (1, 2, 10)}
    assert run(place(files)).class_names == ("class 1", "class 2", "class 10")


def test_import_masks_takes_different_sizes_and_many_classes(place):
    many = np.arange(256, dtype=np.uint8).reshape(16, 16)
    places = place(good(**{"images/c.png": picture_bytes((16, 16), "RGB"), "masks/c.png": mask_bytes(many)}))
    imported = run(places)
    assert json.loads((places[2] / "classes.json").read_text())["sizes"] == "any"
    assert len(imported.class_names) == 255
    assert imported.class_names[254] == "class 255"
    # Value 255 is row 15 of column 15, the last of 256 pixels; value 16 is row 1 of column 0.
    rows = pd.read_csv(places[2] / "train.csv").set_index(["ImageId", "ClassId"])["EncodedPixels"]
    assert (rows["c.png", 255], rows["c.png", 16], len(rows)) == ("256 1", "2 1", 257)


def test_import_masks_gives_the_same_bytes_again(place, tmp_path):
    places = place(good(**{"images/x.png": picture_bytes(), "masks/y.png": mask_bytes(MASK)}))
    run(places)
    import_masks(places[0], places[1], tmp_path / "again" / "out", progress=False)
    assert contents(tmp_path / "again" / "out") == contents(places[2])


def test_import_masks_takes_test_images(place, tmp_path):
    places = place(good(**{"new/t.png": picture_bytes((5, 5)), "new/broken.png": b"no picture"}))
    imported = run(places, test=tmp_path / "new")
    assert [path.name for path in (places[2] / "test_images").iterdir()] == ["t.png"]
    assert (imported.test_images, imported.images, imported.left_out) == (1, 2, 1)
    assert json.loads((places[2] / "classes.json").read_text())["sizes"] == "any"
    assert problems_of(imported) == [(ERROR, "new/broken.png", "this is no image")]


# Ways of storing a mask

VALUES = np.array([[0, 1, 2, 3], [3, 2, 1, 0]], dtype=np.uint8)


def save(image, kind, **arguments):
    file = io.BytesIO()
    image.save(file, kind, **arguments)
    return file.getvalue()


def with_palette():
    """A palette picture whose indices are the values, and whose colours are not."""
    image = Image.new("P", (4, 2))
    image.putdata(VALUES.ravel().tolist())
    image.putpalette([0, 0, 0, 200, 0, 0, 0, 200, 0, 0, 0, 200])
    return image


def in_colour(dtype):
    return mask_bytes(np.dstack([VALUES.astype(dtype)] * 3))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(mask_bytes(VALUES), id="grey, 8 bits"),
        pytest.param(mask_bytes(VALUES.astype(np.uint16)), id="grey, 16 bits"),
        # Each row's four values of 2 bits (0 1 2 3, then 3 2 1 0) in one byte.
        pytest.param(png_bytes((2, 4), 2, 0, [b"\x1b", b"\xe4"]), id="grey, 2 bits"),
        # Each row's four values of 4 bits in two bytes.
        pytest.param(png_bytes((2, 4), 4, 0, [b"\x01\x23", b"\x32\x10"]), id="grey, 4 bits"),
        pytest.param(save(with_palette(), "PNG"), id="palette"),
        pytest.param(save(with_palette(), "GIF"), id="palette, GIF"),
        pytest.param(save(with_palette(), "PNG", transparency=0), id="palette with a transparent colour"),
        pytest.param(in_colour(np.uint8), id="three equal channels"),
        pytest.param(in_colour(np.uint16), id="three equal channels of 16 bits"),
        pytest.param(save(Image.fromarray(np.dstack([VALUES, VALUES * 0 + 255])), "PNG"), id="grey, opaque"),
        pytest.param(save(Image.fromarray(np.dstack([VALUES] * 3 + [VALUES * 0 + 255])), "PNG"), id="colour, opaque"),
        pytest.param(save(Image.fromarray(VALUES.astype(np.int32)), "TIFF"), id="TIFF, 32 bits"),
        pytest.param(save(Image.fromarray(VALUES.astype(np.float32)), "TIFF"), id="TIFF, whole floats"),
        pytest.param(save(Image.fromarray(VALUES), "BMP"), id="BMP"),
    ],
)
def test_read_mask_gives_the_values_as_drawn(data, tmp_path):
    (tmp_path / "mask").write_bytes(data)
    assert np.array_equal(read_mask(tmp_path / "mask"), VALUES)


def test_read_mask_of_one_bit(tmp_path):
    (tmp_path / "mask.png").write_bytes(save(Image.fromarray(VALUES == 1), "PNG"))
    values = read_mask(tmp_path / "mask.png")
    assert values.dtype == np.uint8
    assert np.array_equal(values, VALUES == 1)


def test_read_mask_keeps_values_of_16_bits(tmp_path):
    (tmp_path / "mask.png").write_bytes(mask_bytes(np.array([[300, 65535]], dtype=np.uint16)))
    assert read_mask(tmp_path / "mask.png").tolist() == [[300, 65535]]


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "this is no picture"),
        (b"no picture at all", "this is no picture"),
        (mask_bytes(np.tile(MASK, (50, 50)))[:-60], "can't be decoded"),
        (save(Image.new("L", (4, 4)), "JPEG"), "is a JPEG, which changes its values. Export the mask as PNG"),
        # Red in one pixel, at row 1 and column 2.
        (
            mask_bytes(np.array([[[0, 0, 0]] * 3, [[0, 0, 0], [0, 0, 0], [0, 0, 255]]], dtype=np.uint8)),
            r"channels differ in 1 pixels \(the first at row 1, column 2\)",
        ),
        (save(Image.fromarray(np.array([[[1, 255], [1, 0]]], dtype=np.uint8)), "PNG"), "transparent in part"),
        (save(Image.fromarray(np.array([[0.5]], dtype=np.float32)), "TIFF"), "not whole numbers"),
        (
            save(Image.new("L", (2, 2)), "TIFF", save_all=True, append_images=[Image.new("L", (2, 2))]),
            "has 2 pages; expected one",
        ),
    ],
)
def test_read_mask_refuses(data, match, tmp_path):
    (tmp_path / "mask.png").write_bytes(data)
    with pytest.raises(FaultyFileError, match=match):
        read_mask(tmp_path / "mask.png")


# Faults of single files: all of them come out of one import, each by its name


def exif_jpeg(shape, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return picture_bytes(shape, kind="JPEG", exif=exif)


FAULTS = {
    "a mask of another size": (
        {"images/x.png": picture_bytes(), "masks/x.png": mask_bytes(MASK.T)},
        (ERROR, "masks/x.png", "the mask has 6 x 4 pixels; expected 4 x 6 like the image"),
    ),
    "a value outside": (
        {"images/x.png": picture_bytes(), "masks/x.png": mask_bytes(MASK * 2)},
        (
            ERROR,
            "masks/x.png",
            "the mask holds the value 4 (3 pixels); expected 0 (background) and the class ids 1 to 2",
        ),
    ),
    "0 and 255": (
        {"images/x.png": picture_bytes(), "masks/x.png": mask_bytes((MASK > 0) * np.uint8(255))},
        (ERROR, "masks/x.png", "the mask holds the value 255 (6 pixels); expected 0 (background)"),
    ),
    "a value of 16 bits outside": (
        {"images/x.png": picture_bytes(), "masks/x.png": mask_bytes(MASK.astype(np.uint16) * 256)},
        (ERROR, "masks/x.png", "the mask holds the value 256 (3 pixels), 512 (3 pixels);"),
    ),
    "an image without a mask": (
        {"images/x.png": picture_bytes()},
        (ERROR, "images/x.png", "the image has no mask"),
    ),
    "a mask without an image": (
        {"masks/x.png": mask_bytes(MASK)},
        (ERROR, "masks/x.png", "there is no image for this mask"),
    ),
    "an image that can't be read": (
        {"images/x.png": b"no picture", "masks/x.png": mask_bytes(MASK)},
        (ERROR, "images/x.png", "this is no image"),
    ),
    "an image that was cut off": (
        {"images/x.png": picture_bytes((90, 90))[:-30], "masks/x.png": mask_bytes(MASK)},
        (ERROR, "images/x.png", "the image can't be decoded"),
    ),
    "a mask that can't be read": (
        {"images/x.png": picture_bytes(), "masks/x.png": b"no picture"},
        (ERROR, "masks/x.png", "this is no picture"),
    ),
    "two masks of one stem": (
        {"images/x.png": picture_bytes(), "masks/x.png": mask_bytes(MASK), "masks/x.tif": mask_bytes(MASK)},
        (ERROR, "masks/x.tif", "several masks have this stem: 'masks/x.png, masks/x.tif'"),
    ),
    "a mask that fits before the image is turned": (
        {"images/x.jpg": exif_jpeg((6, 4), 6), "masks/x.png": mask_bytes(MASK.T)},
        (
            ERROR,
            "masks/x.png",
            "6 x 4 pixels; expected 4 x 6 like the image, which its EXIF orientation 6 turns upright",
        ),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_import_masks_lists(name, place):
    files, (severity, file, problem) = FAULTS[name]
    places = place(good(**files))
    imported = run(places, class_names=["pits", "scratches"])
    errors = [found for found in problems_of(imported) if found[0] == severity]
    assert [(kind, path) for kind, path, _ in errors] == [(severity, file)]
    assert problem in errors[0][2]
    assert imported.images == 2
    assert imported.left_out == sum(path.startswith("images/") for path in files)
    listed = read_table(places[2] / "import_problems.csv")
    assert file in listed["file"].tolist()
    assert listed["mend"].str.endswith(".").all()
    assert file in str(imported)


def test_import_masks_lists_all_faults_of_one_import(place):
    files, expected = good(), set()
    for number, (more, (severity, file, _)) in enumerate(FAULTS.values()):
        renamed = {path.replace("/x.", f"/x{number}."): data for path, data in more.items()}
        files |= renamed
        expected.add((severity, file.replace("/x.", f"/x{number}.")))
    imported = run(place(files), class_names=["pits", "scratches"])
    assert {(severity, file) for severity, file, _ in problems_of(imported) if severity == ERROR} == expected
    assert imported.images == 2
    assert imported.left_out == len(FAULTS) - 1  # one of them is about a mask alone
    assert "kinds more" in str(imported)


def test_import_masks_leaves_out_images_of_one_stem(place):
    imported = run(place(good(**{"images/a.jpg": picture_bytes(kind="JPEG")})))
    problem = "several images have the stem 'a', so that masks can't be told apart"
    assert problems_of(imported) == [(ERROR, "images/a.jpg", problem), (ERROR, "images/a.png", problem)]
    assert (imported.images, imported.left_out) == (1, 2)


def test_import_masks_takes_images_without_masks_as_clean_only_when_asked(place):
    places = place(good(**{"images/x.png": picture_bytes()}))
    imported = run(places, clean_without_mask=True)
    assert (imported.images, imported.defect_free, len(imported.problems)) == (3, 2, 0)
    shutil.rmtree(places[2])
    imported = run(places)
    assert (imported.images, imported.defect_free) == (2, 1)
    assert "--clean-without-mask" in imported.problems["mend"][0]


def test_import_masks_takes_an_upright_mask_of_a_turned_image_and_says_so(place):
    imported = run(place({"images/x.jpg": exif_jpeg((6, 4), 6), "masks/x.png": mask_bytes(MASK)}))
    assert dict(imported.shapes) == {MASK.shape: 1}
    problem = "EXIF orientation 6 turns the image; its mask was taken to fit the upright one"
    assert problems_of(imported) == [(WARNING, "images/x.jpg", problem)]


def test_import_masks_takes_a_cmyk_jpeg_and_says_so(place):
    data = picture_bytes(mode="CMYK", kind="JPEG")
    places = place({"images/x.jpg": data, "masks/x.png": mask_bytes(MASK)})
    imported = run(places)
    assert (places[2] / "train_images/x.jpg").read_bytes() == data
    (severity, file, problem), *others = problems_of(imported)
    assert (severity, file, others) == (WARNING, "images/x.jpg", [])
    assert "CMYK" in problem


def test_import_masks_warns_of_several_values_in_the_mask_of_one_class(place):
    imported = run(place({"images/a.png": picture_bytes(), "masks/pits/a.png": mask_bytes(MASK)}))
    problem = "the mask holds 2 values besides 0; all of them count as defect"
    assert problems_of(imported) == [(WARNING, "masks/pits/a.png", problem)]
    assert imported.images == 1


def test_import_masks_lists_folders_among_images(place):
    imported = run(place(good(**{"images/more/c.png": picture_bytes()})))
    assert problems_of(imported) == [(WARNING, "images/more", "this is a folder, which is not looked into")]


def test_import_masks_takes_masks_in_a_folder_among_images(place):
    images, _, out = place({"images/a.png": picture_bytes(), "images/masks/a.png": mask_bytes(MASK)})
    imported = import_masks(images, images / "masks", out, progress=False)
    assert (imported.images, len(imported.problems)) == (1, 0)


# File names

NAMES = [
    "<script>alert(1)<.jpg",
    "comma, and 'quotes' \".jpg",
    "two\nlines.jpg",
    "carriage\rreturn.jpg",
    "Blech_Öse_鋼.jpg",
    "=1+1.jpg",
    " space .jpg",
    "a.b.c.jpg",
    "nan.jpg",
]


@pytest.mark.skipif(sys.platform == "win32", reason="the names can't be given to files there")
def test_import_masks_keeps_hostile_file_names(place):
    files = {}
    for name in NAMES:
        files[f"images/{name}"] = picture_bytes(kind="JPEG")
        files[f"masks/{name.removesuffix('.jpg')}.png"] = mask_bytes(MASK)
    places = place(files | {"images/bro\nken.png": b"no picture"})
    imported = run(places)
    assert imported.images == len(NAMES)
    dataset = read_dataset(places[2])
    assert sorted(dataset.training_ids) == sorted(NAMES)
    assert dataset.problems.empty
    assert (dataset.areas == 3).all(axis=None)
    assert read_table(places[2] / "import_problems.csv")["file"].tolist() == ["images/bro\nken.png"]
    assert r"images/bro\nken.png" in str(imported)


@pytest.mark.skipif(sys.platform != "linux", reason="file names are always Unicode there")
def test_import_masks_leaves_out_a_name_that_is_no_utf8(place, tmp_path):
    places = place(good())
    for folder, data in (("images", picture_bytes()), ("masks", mask_bytes(MASK))):
        (tmp_path / folder / os.fsdecode(b"\xff.png")).write_bytes(data)
    imported = run(places)
    assert problems_of(imported) == [(ERROR, r"images/\udcff.png", "the file's name is not UTF-8")]
    assert imported.images == 2


@pytest.mark.skipif(sys.platform != "linux", reason="the file system may compose accents by itself")
def test_import_masks_matches_composed_and_decomposed_accents(place):
    stems = [unicodedata.normalize(form, "Öse") for form in ("NFC", "NFD")]
    assert stems[0] != stems[1]
    places = place({f"images/{stems[0]}.png": picture_bytes(), f"masks/{stems[1]}.png": mask_bytes(MASK)})
    assert run(places).images == 1


# Links


def test_import_masks_follows_links_and_lists_those_that_lead_nowhere(place, tmp_path):
    places = place(good(**{"elsewhere/c.png": picture_bytes(), "masks/c.png": mask_bytes(MASK)}))
    (places[0] / "c.png").symlink_to(tmp_path / "elsewhere/c.png")
    (places[0] / "d.png").symlink_to(tmp_path / "nothing.png")
    (places[1] / "d.png").symlink_to(tmp_path / "nothing.png")
    (places[0] / "e.png").write_bytes(picture_bytes())
    (places[1] / "e.png").symlink_to(tmp_path / "nothing.png")
    imported = run(places)
    copied = places[2] / "train_images/c.png"
    assert copied.read_bytes() == picture_bytes()
    assert not copied.is_symlink()
    nowhere = "the link leads nowhere"
    assert problems_of(imported) == [(ERROR, "images/d.png", nowhere), (ERROR, "masks/e.png", nowhere)]


# Places


def test_import_masks_refuses_a_folder_that_holds_something(place):
    places = place(good(**{"out/notes.txt": b"mine"}))
    with pytest.raises(FileExistsError, match="out is a folder that is not empty; expected a new or an empty folder"):
        run(places)
    assert contents(places[2]) == {"notes.txt": b"mine"}


def test_import_masks_takes_an_empty_folder(place):
    places = place(good())
    places[2].mkdir()
    assert run(places).images == 2


@pytest.mark.parametrize("out", ["images", "images/out", "masks/out", "."])
def test_import_masks_refuses_folders_inside_one_another(out, place, tmp_path):
    images, masks, _ = place(good())
    before = contents(tmp_path)
    with pytest.raises(ValueError, match=r"lie one inside the other|are the same folder"):
        import_masks(images, masks, tmp_path / out, progress=False)
    assert contents(tmp_path) == before


def test_import_masks_sees_through_a_link_into_the_images(place, tmp_path):
    images, masks, _ = place(good())
    (tmp_path / "link").symlink_to(images)
    with pytest.raises(ValueError, match="lie one inside the other"):
        import_masks(images, masks, tmp_path / "link" / "out", progress=False)


def test_import_masks_refuses_masks_that_are_the_images(place):
    images, _, out = place(good())
    with pytest.raises(ValueError, match="images and masks are the same folder"):
        import_masks(images, images, out, progress=False)


@pytest.mark.parametrize("missing", ["images", "masks"])
def test_import_masks_needs_both_folders(missing, place, tmp_path):
    places = place(good())
    shutil.rmtree(tmp_path / missing)
    with pytest.raises(FileNotFoundError, match=f"{missing}: there is no such folder. Give the folder that holds the"):
        run(places)


def test_import_masks_refuses_files_and_folders_of_masks(place):
    with pytest.raises(ValueError, match=r"masks: holds both files \('a.png'\) and folders \('pits'\)"):
        run(place(good(**{"masks/pits/a.png": mask_bytes(MASK)})))


def test_import_masks_names_the_first_of_masks_that_fit_no_image(place):
    files = {"images/a.png": picture_bytes(), "masks/a_mask.png": mask_bytes(MASK)}
    with pytest.raises(ValueError, match=r"none of 1 masks \(the first: 'a_mask.png'\) .* \(the first: 'a.png'\)"):
        run(place(files))


def test_import_masks_writes_nothing_when_no_image_is_left(place, tmp_path):
    files = {"images/a.png": picture_bytes(), "masks/a.png": mask_bytes(MASK * 100)}
    places = place(files)
    for out in (places[2], tmp_path / "new" / "folder" / "out"):
        with pytest.raises(ValueError, match=r"(?s)None of 1 images .*masks/a.png: the mask holds the value 100 "):
            import_masks(*places[:2], out, class_names=["pits"], progress=False)
    assert contents(tmp_path) == files
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images", "masks"]


def test_import_masks_writes_nothing_when_it_is_broken_off(place, tmp_path, monkeypatch):
    places = place(good())
    before = contents(tmp_path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(importing.shutil, "copyfile", full)
    with pytest.raises(OSError, match="No space left"):
        run(places)
    assert contents(tmp_path) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images", "masks"]


# Classes


def test_import_masks_tells_classes_from_values_without_a_gap(place):
    # 5 is beyond a gap, and so takes its image out; the values of the others count up to 2.
    files = good(**{"images/x.png": picture_bytes(), "masks/x.png": mask_bytes((MASK > 0) * np.uint8(5))})
    imported = run(place(files))
    assert imported.class_names == ("class 1", "class 2")
    (_, file, problem), *others = problems_of(imported)
    assert (file, others) == ("masks/x.png", [])
    assert "class ids 1 to 2, as far as the values of all masks count up without a gap" in problem


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (mask_bytes(CLEAN), r"no mask holds a value but 0, so there are no classes. Name them with --classes"),
        (
            mask_bytes((MASK > 0) * np.uint8(255)),
            r"hold the values 0, 255; 255 is outside .* divide the masks by 255; or put .* folder of its class",
        ),
        (mask_bytes(MASK * 7), r"hold the values 0, 7, 14; expected class ids that count up from 1"),
        (b"no picture", r"masks/a.png: this is no picture"),
    ],
)
def test_import_masks_says_why_classes_can_not_be_told(data, match, place):
    with pytest.raises(ValueError, match=match):
        run(place({"images/a.png": picture_bytes(), "masks/a.png": data}))


def test_import_masks_suggests_what_to_do_with_0_and_255(place):
    files, _ = FAULTS["0 and 255"]
    imported = run(place(good(**files)), class_names=["pits", "scratches"])
    assert "divide the mask by 255; or put it into a folder of its class" in imported.problems["mend"][0]


def test_import_masks_refuses_folders_called_like_no_class(place):
    files = {"images/a.png": picture_bytes(), "masks/pits/a.png": mask_bytes(MASK)}
    with pytest.raises(ValueError, match=r"holds the folders 'pits'; the classes are called 'stains'"):
        run(place(files), class_names="stains")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("names.json", '{"2": "patches", "1": "inclusion"}'),
        ("classes.json", '\ufeff{"classes": {"1": "inclusion", "2": "patches"}}'),
        ("names.txt", "inclusion\r\npatches\r\n\r\n"),
        ("names", "inclusion\n patches "),
    ],
)
def test_read_class_names_of_a_file(name, text, tmp_path):
    (tmp_path / name).write_bytes(text.encode())
    assert read_class_names(tmp_path / name) == ("inclusion", "patches")
    assert read_class_names(str(tmp_path / name)) == ("inclusion", "patches")


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ("a,,b", "class 2 is called ''"),
        ("a,b,a", "'a' is there twice"),
        ([], "got 0 names, expected 1 to 255"),
        ([str(number) for number in range(256)], "got 256 names"),
        (["two\nlines"], "plain text"),
        (["\udc80"], "plain text"),
        ([7], "class 1 is called '7'"),
    ],
)
def test_read_class_names_refuses_names(given, match):
    with pytest.raises(ValueError, match=match):
        read_class_names(given)


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"{", "this is no JSON"),
        (b"[1]", r'expected \{"1": "name"'),
        (b'{"0": "a"}', r"counted from 1"),
        (b"{}", r"counted from 1"),
        (b"\xff", "this is no UTF-8 text"),
    ],
)
def test_read_class_names_refuses_files(data, match, tmp_path):
    (tmp_path / "names.json").write_bytes(data)
    with pytest.raises(ValueError, match=match):
        read_class_names(tmp_path / "names.json")


@pytest.mark.parametrize("given", ["missing.json", "no/such/file", Path("missing")])
def test_read_class_names_misses_a_file(given):
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        read_class_names(given)


# Real images


def test_import_masks_of_real_images(tmp_path):
    if not NEU_SEG.is_dir():
        pytest.skip(f"{NEU_SEG} is not there; NEU_SEG names the folder with the real images.")
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
        for path in sorted((NEU_SEG / name).iterdir())[::40]:
            (tmp_path / name / path.name).symlink_to(path)
    imported = import_masks(
        tmp_path / "images",
        tmp_path / "masks",
        tmp_path / "out",
        class_names="inclusion, patches, scratches",
        progress=False,
    )
    assert imported.images == len(list((tmp_path / "images").iterdir())) > 90
    assert imported.problems.empty
    dataset = read_dataset(tmp_path / "out")
    for image_id in dataset.training_ids:
        direct = np.bincount(cv2.imread(NEU_SEG / "masks" / f"{Path(image_id).stem}.png", cv2.IMREAD_UNCHANGED).ravel())
        assert dataset.areas.loc[image_id].tolist() == [*direct.tolist(), 0, 0, 0][1:4]
