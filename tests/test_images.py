import io
import os
import warnings

import cv2
import numpy as np
import pytest
from PIL import Image

from conftest import write_tiny_image
from helpers.data import images
from helpers.data.images import INDEX_COLUMNS, describe_image, read_image, read_sizes, scan_images

PARTS = {"train": "train_images", "test": "test_images"}
# 5 x 7, rising down and across, so that no turn or mirror of it equals another.
RISING = (np.arange(35, dtype=np.uint8) * 7).reshape(5, 7)
COLOUR = np.dstack([RISING, RISING // 2, 255 - RISING])


def save(path, array, image_format="PNG", mode=None, **options):
    """Write an array with Pillow in the format named, whatever the ending of `path` says."""
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(path, format=image_format, **options)
    return path


def orientation(value):
    """EXIF data that holds an orientation."""
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def broken_files():
    """Name -> bytes of files that are no whole image."""
    jpeg, png = io.BytesIO(), io.BytesIO()
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 96), dtype=np.uint8))
    noise.save(jpeg, format="JPEG")
    noise.save(png, format="PNG")
    jpeg, png = jpeg.getvalue(), png.getvalue()
    wrong_sum = bytearray(png)
    wrong_sum[png.index(b"IHDR") + 18] ^= 255
    return {
        "zero bytes": b"",
        "text": b"this is no photograph",
        "half a JPEG": jpeg[: len(jpeg) // 2],
        "JPEG header alone": jpeg[:20],
        "JPEG without its end": jpeg[:-300],
        "half a PNG": png[: len(png) // 2],
        "PNG header alone": png[:8],
        "PNG with a wrong checksum": bytes(wrong_sum),
        "HTML of a login page": b"<!DOCTYPE html><title>Sign in</title>",
        "zeros": bytes(5000),
        "EPS, which Pillow would hand to Ghostscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 7 5\n%%EOF\n",
    }


# What OpenCV reads without a word, grey where the data ends.
FILLED_UP = {"half a JPEG", "JPEG without its end", "half a PNG"}


@pytest.fixture
def folder(tmp_path):
    """A data directory with two empty folders for images."""
    for name in PARTS.values():
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.fixture
def decoded(monkeypatch):
    """A list of the names of the files that get decoded from here on."""
    names = []

    def describe(path):
        names.append(os.path.basename(path))
        return describe_image(path)

    monkeypatch.setattr(images, "describe_image", describe)
    return names


def test_read_image_grey_from_grey_is_exact(tmp_path):
    found = read_image(save(tmp_path / "a.png", RISING))
    assert found.dtype == np.uint8
    assert found.shape == (5, 7, 1)
    np.testing.assert_array_equal(found[..., 0], RISING)


def test_read_image_colour_comes_as_red_green_blue(tmp_path):
    np.testing.assert_array_equal(read_image(save(tmp_path / "a.png", COLOUR), 3), COLOUR)


def test_read_image_colour_from_grey_repeats_it(tmp_path):
    found = read_image(save(tmp_path / "a.png", RISING), 3)
    np.testing.assert_array_equal(found, np.dstack([RISING] * 3))


def test_read_image_grey_from_colour_weighs_the_channels(tmp_path):
    # ITU-R BT.601, as OpenCV's manual gives it: 0.299 red + 0.587 green + 0.114 blue
    found = read_image(save(tmp_path / "a.png", COLOUR))[..., 0]
    np.testing.assert_allclose(found, COLOUR @ [0.299, 0.587, 0.114], atol=1)


def test_read_image_leaves_transparency_out(tmp_path):
    clear = np.dstack([COLOUR, np.zeros_like(RISING)])
    np.testing.assert_array_equal(read_image(save(tmp_path / "a.png", clear), 3), COLOUR)


def test_read_image_of_16_bits_keeps_the_upper_ones(tmp_path):
    path = save(tmp_path / "a.png", RISING.astype(np.uint16) * 257)
    with Image.open(path) as image:
        assert image.mode == "I;16"
    np.testing.assert_array_equal(read_image(path)[..., 0], RISING)


def test_read_image_of_a_palette_gives_its_colours(tmp_path):
    image = Image.fromarray((RISING > 100).astype(np.uint8)).convert("P")
    image.putpalette([10, 20, 30, 200, 150, 100])
    image.save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == "P"
    expected = np.where((RISING > 100)[..., np.newaxis], [200, 150, 100], [10, 20, 30])
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", 3), expected)


def test_read_image_goes_by_content_and_not_by_name(tmp_path):
    np.testing.assert_array_equal(read_image(save(tmp_path / "a.jpg", RISING))[..., 0], RISING)


def test_read_image_of_a_name_outside_ascii(tmp_path):
    np.testing.assert_array_equal(read_image(save(tmp_path / "tôle 鋼.png", RISING))[..., 0], RISING)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("what", sorted(set(broken_files()) - FILLED_UP))
def test_read_image_of_a_broken_file(tmp_path, what, channels):
    (tmp_path / "a.jpg").write_bytes(broken_files()[what])
    with pytest.raises(ValueError, match=r"a\.jpg: this is no image that can be read\. Copy it again"):
        read_image(tmp_path / "a.jpg", channels)


def test_read_image_larger_than_opencv_takes(tmp_path, monkeypatch):
    def refuse(*_):
        raise cv2.error("the image is too large")

    path = save(tmp_path / "a.png", RISING)
    monkeypatch.setattr(images.cv2, "imdecode", refuse)
    with pytest.raises(ValueError, match=r"a\.png: this is no image that can be read"):
        read_image(path)


@pytest.mark.parametrize("channels", [0, 2, 4, None, "grey"])
def test_read_image_of_another_number_of_channels(tmp_path, channels):
    with pytest.raises(ValueError, match=r"channels: got .*expected 1 \(grey\) or 3"):
        read_image(save(tmp_path / "a.png", RISING), channels)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_describe_image_agrees_with_read_image_on_a_turned_one(tmp_path, image_format, turn):
    for array in (RISING, COLOUR):  # OpenCV turns them all, Pillow alone not a grey TIFF
        path = save(tmp_path / "a.jpg", array, image_format, exif=orientation(turn))
        height, width, _, name, problem = describe_image(path)
        assert (name, problem) == (image_format, "")
        assert read_image(path, 1).shape == (height, width, 1)
        assert read_image(path, 3).shape == (height, width, 3)


def test_describe_image_of_a_jpeg_that_lies_on_its_side(tmp_path):
    # Orientation 6: the camera was turned, so that the 5 x 7 pixels stored show as 7 x 5.
    path = save(tmp_path / "a.jpg", RISING, "JPEG", exif=orientation(6), quality=100)
    assert describe_image(path)[:2] == (7, 5)
    np.testing.assert_allclose(read_image(path)[..., 0], np.rot90(RISING, -1), atol=3)


# mode, channels as stored
MODES = [("1", 1), ("L", 1), ("LA", 2), ("P", 1), ("RGB", 3), ("RGBA", 4)]


@pytest.mark.parametrize(("mode", "channels"), MODES)
def test_describe_image_of_each_mode_of_png(tmp_path, mode, channels):
    assert describe_image(save(tmp_path / "a.png", COLOUR, mode=mode)) == (5, 7, channels, "PNG", "")


def test_describe_image_of_16_bits(tmp_path):
    assert describe_image(save(tmp_path / "a.png", RISING.astype(np.uint16))) == (5, 7, 1, "PNG", "")


def test_describe_image_of_a_png_named_jpg(tmp_path):
    assert describe_image(save(tmp_path / "a.jpg", RISING))[3] == "PNG"


@pytest.mark.parametrize("what", sorted(broken_files()))
def test_describe_image_of_a_broken_file(tmp_path, what):
    path = tmp_path / "a.jpg"
    path.write_bytes(broken_files()[what])
    *sizes, problem = describe_image(path)
    assert sizes == [0, 0, 0, ""]
    assert "this is no image" in problem or "can't be decoded" in problem
    assert str(tmp_path) not in problem
    assert "\n" not in problem


@pytest.mark.parametrize(("image_format", "name"), [("ICO", "a.ico"), ("TGA", "a.tga"), ("PCX", "a.pcx")])
def test_describe_image_of_a_format_that_pillow_alone_reads(tmp_path, image_format, name):
    path = save(tmp_path / name, np.zeros((16, 16, 3), np.uint8), image_format)
    assert describe_image(path)[4] == "this is no image"


def test_describe_image_that_opencv_can_not_decode(tmp_path):
    # Pillow reads a TIFF of 32-bit floats, OpenCV's decoder does not turn it into 8 bits.
    path = save(tmp_path / "a.tif", RISING.astype(np.float32), "TIFF")
    with pytest.raises(ValueError, match="no image that can be read"):
        read_image(path)
    assert "can't be decoded" in describe_image(path)[4]


def test_describe_image_of_one_that_is_far_too_large(tmp_path, monkeypatch):
    path = save(tmp_path / "a.png", RISING)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 17)
    assert "can't be decoded (Image size (35 pixels) exceeds limit" in describe_image(path)[4]


@pytest.mark.parametrize("error", [KeyError("tag"), IndexError("range"), TypeError("none"), MemoryError(), EOFError()])
def test_describe_image_where_a_decoder_stumbles(tmp_path, monkeypatch, error):
    def stumble(*_, **__):
        raise error

    path = save(tmp_path / "a.png", RISING)
    monkeypatch.setattr(images.Image, "open", stumble)
    assert describe_image(path)[4].startswith("the image can't be decoded")


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "TIFF", "GIF"])
def test_describe_image_of_damaged_bytes_never_promises_too_much(tmp_path, image_format):
    path = save(tmp_path / "whole", COLOUR, image_format)
    data, random = path.read_bytes(), np.random.default_rng(0)
    for _ in range(150):
        damaged = bytearray(data)
        for place in random.integers(0, len(data), 3):
            damaged[place] = random.integers(256)
        (tmp_path / "a.jpg").write_bytes(damaged)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow, on odd but readable files
            height, width, *_, problem = describe_image(tmp_path / "a.jpg")
        if not problem:
            assert read_image(tmp_path / "a.jpg").shape == (height, width, 1)


def test_scan_images_lists_parts_and_files_in_order(folder):
    for name in ("b.jpg", "a.jpg", "c.jpg"):
        write_tiny_image(folder / "train_images" / name)
    write_tiny_image(folder / "test_images" / "a.jpg", shape=(16, 48))
    table = scan_images(folder, PARTS)
    assert list(table.columns) == INDEX_COLUMNS
    assert table[["part", "file", "height", "width", "channels", "format", "problem"]].to_numpy().tolist() == [
        ["test", "a.jpg", 16, 48, 1, "JPEG", ""],
        ["train", "a.jpg", 32, 96, 1, "JPEG", ""],
        ["train", "b.jpg", 32, 96, 1, "JPEG", ""],
        ["train", "c.jpg", 32, 96, 1, "JPEG", ""],
    ]


def test_scan_images_of_empty_and_missing_folders(folder):
    (folder / "test_images").rmdir()
    table = scan_images(folder, PARTS, folder / "images.csv")
    assert table.empty
    assert list(table.columns) == INDEX_COLUMNS
    assert scan_images(folder, PARTS, folder / "images.csv").empty


def test_scan_images_leaves_hidden_files_out(folder):
    for name in (".DS_Store", "._a.jpg", ".part-1-a.jpg"):
        (folder / "train_images" / name).write_bytes(b"no image")
    assert scan_images(folder, PARTS).empty


def test_scan_images_lists_whatever_else_it_finds(folder):
    place = folder / "train_images"
    (place / "a.jpg").mkdir()
    (place / "b.jpg").symlink_to(folder / "nowhere.jpg")
    (place / "c.jpg").symlink_to("c.jpg")
    write_tiny_image(folder / "d.jpg")
    (place / "d.jpg").symlink_to(folder / "d.jpg")
    (place / "e.txt").write_text("notes")
    problems = scan_images(folder, PARTS).set_index("file")["problem"].to_dict()
    assert problems == {
        "a.jpg": "this is no file",
        "b.jpg": "the link leads nowhere",
        "c.jpg": "the link leads nowhere",  # to itself
        "d.jpg": "",  # a data set may be made of links
        "e.txt": "this is no image",
    }


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode on Windows")
def test_scan_images_of_a_name_that_is_not_utf_8(folder):
    try:
        (folder / "train_images" / os.fsdecode(b"t\xf4le.jpg")).write_bytes(b"")
    except OSError:
        pytest.skip("this file system takes UTF-8 names alone")
    for _ in range(2):
        table = scan_images(folder, PARTS, folder / "images.csv")
        assert table[["file", "problem"]].to_numpy().tolist() == [["t\\udcf4le.jpg", "the file's name is not UTF-8"]]


def test_scan_images_leaves_the_warning_filters_alone(folder):
    for number in range(40):
        write_tiny_image(folder / "train_images" / f"{number}.jpg")
    before = list(warnings.filters)
    scan_images(folder, PARTS)
    assert list(warnings.filters) == before


def test_scan_images_warns_of_nothing_but_lists_it(folder, monkeypatch):
    def warn(path):
        warnings.warn("Corrupt EXIF data", stacklevel=1)
        return describe_image(path)

    write_tiny_image(folder / "train_images" / "a.jpg")
    monkeypatch.setattr(images, "describe_image", warn)
    assert scan_images(folder, PARTS)["problem"].tolist() == [""]


def test_scan_images_sets_a_bomb_aside(folder, monkeypatch):
    write_tiny_image(folder / "train_images" / "a.jpg")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 32 * 96 - 1)  # Pillow warns from here, and refuses from twice that
    assert "exceeds limit" in scan_images(folder, PARTS)["problem"][0]


# Names that a CSV reader may take for something else than a text.
NAMES = ["001", "1e5", "nan", "NA", "True", 'a "b", c.jpg', "-", "tôle 鋼.jpg", "<script>.jpg", " a.jpg", "=1+1.jpg"]


def test_scan_images_decodes_an_unchanged_file_once(folder, decoded):
    for name in NAMES:
        write_tiny_image(folder / "train_images" / name)
    first = scan_images(folder, PARTS, folder / "images.csv")
    assert sorted(decoded) == sorted(NAMES)
    decoded.clear()
    second = scan_images(folder, PARTS, folder / "images.csv")
    assert decoded == []
    assert second.to_dict("list") == first.to_dict("list")


@pytest.mark.parametrize("name", NAMES)
def test_scan_images_knows_a_lone_file_of_any_name(folder, decoded, name):
    write_tiny_image(folder / "train_images" / name)
    for _ in range(2):
        scan_images(folder, PARTS, folder / "images.csv")
    assert decoded == [name]


def test_scan_images_decodes_a_changed_file_again(folder, decoded):
    for name in ("a.jpg", "b.jpg"):
        write_tiny_image(folder / "train_images" / name)
    scan_images(folder, PARTS, folder / "images.csv")
    decoded.clear()
    write_tiny_image(folder / "train_images" / "b.jpg", shape=(16, 48))
    table = scan_images(folder, PARTS, folder / "images.csv")
    assert decoded == ["b.jpg"]
    assert table[["height", "width"]].to_numpy().tolist() == [[32, 96], [16, 48]]


def test_scan_images_goes_by_the_time_where_the_size_is_the_same(folder, decoded):
    path = folder / "train_images" / "a.jpg"
    write_tiny_image(path)
    scan_images(folder, PARTS, folder / "images.csv")
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    scan_images(folder, PARTS, folder / "images.csv")
    assert decoded == ["a.jpg", "a.jpg"]


def test_scan_images_keeps_parts_apart_in_the_index(folder, decoded):
    for part in PARTS.values():
        write_tiny_image(folder / part / "a.jpg")
        os.utime(folder / part / "a.jpg", ns=(0, 0))
    scan_images(folder, PARTS, folder / "images.csv")
    (folder / "test_images" / "a.jpg").unlink()
    decoded.clear()
    assert scan_images(folder, PARTS, folder / "images.csv")["part"].tolist() == ["train"]
    assert decoded == []


def test_scan_images_looks_again_at_one_that_could_not_be_read(folder, monkeypatch):
    write_tiny_image(folder / "train_images" / "a.jpg")
    with monkeypatch.context() as patch:
        patch.setattr(images, "describe_image", lambda _: (0, 0, 0, "", "Permission denied"))
        assert scan_images(folder, PARTS, folder / "images.csv")["problem"].tolist() == ["Permission denied"]
    assert scan_images(folder, PARTS, folder / "images.csv")["problem"].tolist() == [""]


def spoil_index(how, text):
    """An index file's text, spoiled in one of many ways, as bytes."""
    header, row, rest = text.split("\n", 2)
    part, name, size, time = row.split(",")[:4]
    return {
        "empty": b"",
        "a line end": b"\n",
        "of another program": b"x,y\n1,2\n",
        "header alone": header.encode(),
        "cut within a number": f"{header}\n{','.join([part, name, size, time])[:-3]}".encode(),
        "cut before the sizes": f"{header}\n{','.join([part, name, size, time])}".encode(),
        "cut within the second row": text[: len(header) + len(row) + 20].encode(),
        "sizes are texts": f"{header}\n{part},{name},{size},{time},high,wide,grey,JPEG,\n".encode(),
        "sizes are zero": f"{header}\n{part},{name},{size},{time},0,0,0,JPEG,\n".encode(),
        "sizes are not whole": f"{header}\n{part},{name},{size},{time},32.5,96.5,1,JPEG,\n".encode(),
        "sizes past 64 bits": f"{header}\n{part},{name},{size},{time},{10**30},96,1,JPEG,\n".encode(),
        "a column twice": text.replace("format", "width").encode(),
        "too many cells": f"{header}\n{row},1,2,3\n{rest}".encode(),
        "too many cells further down": f"{text}{row},1,2,3\n".encode(),
        "an open quote": f'{header}\n"{row}\n'.encode(),
        "not UTF-8": b"\xff\xfe" + text.encode("utf-16-le"),
        "zeros": bytes(500),
    }[how]


SPOILED = [  # ways of `spoil_index`
    "empty",
    "a line end",
    "of another program",
    "header alone",
    "cut within a number",
    "cut before the sizes",
    "cut within the second row",
    "sizes are texts",
    "sizes are zero",
    "sizes are not whole",
    "sizes past 64 bits",
    "a column twice",
    "too many cells",
    "too many cells further down",
    "an open quote",
    "not UTF-8",
    "zeros",
]


@pytest.mark.parametrize("how", SPOILED)
def test_scan_images_with_a_spoiled_index(folder, decoded, how):
    for name in ("a.jpg", "b.jpg"):
        write_tiny_image(folder / "train_images" / name)
    index = folder / "images.csv"
    expected = scan_images(folder, PARTS, index)
    good = index.read_text()
    index.write_bytes(spoil_index(how, good))
    found = scan_images(folder, PARTS, index)
    assert found.to_dict("list") == expected.to_dict("list")
    assert index.read_text() == good
    decoded.clear()
    scan_images(folder, PARTS, index)
    assert decoded == []


def test_scan_images_without_an_index_writes_none(folder):
    write_tiny_image(folder / "train_images" / "a.jpg")
    scan_images(folder, PARTS)
    assert sorted(path.name for path in folder.iterdir()) == ["test_images", "train_images"]


def test_read_sizes_reads_the_heads_alone(tmp_path):
    """A file cut off behind its head still tells its size; hidden files and folders are left out."""
    for name, shape in (("b.jpg", (32, 96)), ("a.jpg", (64, 32))):
        write_tiny_image(tmp_path / name, shape)
    save(tmp_path / "c.png", RISING)
    (tmp_path / "cut.png").write_bytes((tmp_path / "c.png").read_bytes()[:-10])
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / ".hidden").touch()
    (tmp_path / "folder").mkdir()
    found = {"a.jpg": (64, 32), "b.jpg": (32, 96), "c.png": (5, 7), "cut.png": (5, 7), "notes.txt": None}
    assert list(read_sizes(tmp_path).items()) == list(found.items())


def test_read_sizes_of_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: there is no such folder"):
        read_sizes(tmp_path / "nowhere")
