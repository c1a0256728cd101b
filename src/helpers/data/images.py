"""Photographs: reading them, and finding the ones that can't be used, by content and not by name."""

import hashlib
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from PIL import Image, UnidentifiedImageError
from tqdm import tqdm

from helpers.files import write_csv

# What OpenCV reads as well. Pillow knows more, of which some start other programs.
FORMATS = ("BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
INDEX_COLUMNS = ["part", "file", "bytes", "modified_ns", "height", "width", "channels", "format", "problem", "sha256"]
INDEX_NUMBERS = ["bytes", "modified_ns", "height", "width", "channels"]

# OpenCV's ways to decode: (channels, shrink) -> flag; colours come as blue, green and red
FLAGS = {
    (1, 1): cv2.IMREAD_GRAYSCALE,
    (1, 2): cv2.IMREAD_REDUCED_GRAYSCALE_2,
    (1, 4): cv2.IMREAD_REDUCED_GRAYSCALE_4,
    (1, 8): cv2.IMREAD_REDUCED_GRAYSCALE_8,
    (3, 1): cv2.IMREAD_COLOR,
    (3, 2): cv2.IMREAD_REDUCED_COLOR_2,
    (3, 4): cv2.IMREAD_REDUCED_COLOR_4,
    (3, 8): cv2.IMREAD_REDUCED_COLOR_8,
}


def read_image(path, channels=1, shrink=1):
    """Read an image file of any format by its content.

    Args:
        path: the file.
        channels: 1 for grey, 3 for red, green and blue.
        shrink: 2, 4 or 8 decodes a JPEG at that fraction of its size, which is quicker; other formats stay whole.

    Returns:
        uint8 array (height, width, channels).

    Raises:
        ValueError: the file is no image, or `channels` or `shrink` is none of these numbers.
    """
    if channels not in (1, 3):
        raise ValueError(f"channels: got {channels}, expected 1 (grey) or 3 (colour).")
    if shrink not in (1, 2, 4, 8):
        raise ValueError(f"shrink: got {shrink}, expected 1 (the whole size), 2, 4 or 8.")
    data = np.fromfile(path, dtype=np.uint8)
    is_jpeg = data[:2].tobytes() == b"\xff\xd8"
    try:
        image = cv2.imdecode(data, FLAGS[channels, shrink if is_jpeg else 1]) if data.size else None
    except cv2.error:
        image = None
    if image is None:
        raise ValueError(f"{path}: this is no image that can be read. Copy it again from where it came from.")
    return image[..., ::-1] if channels == 3 else image[..., np.newaxis]


def scan_images(directory, parts, index_file=None, *, keep=True):
    """Decode every image of a data set once, and say which can't be read.

    Everything in the folders counts as an image, save for hidden files.

    Args:
        directory: the data directory.
        parts: mapping of part name to folder name, such as `{"train": "train_images"}`.
        index_file: CSV that keeps what was found, so that an unchanged file is not decoded again.
        keep: whether that file is written; else it is read alone.

    Returns:
        Table with the columns part, file (name within its folder), bytes, modified_ns, height, width (pixels),
        channels (as stored; a palette counts as one), format (by content), problem ("" where the image can be read)
        and sha256 (of the file, "" where it can't be read), sorted by part and file.
    """
    found = []
    for part, folder in parts.items():
        place = Path(directory) / folder
        if place.is_dir():
            with os.scandir(place) as entries:
                found += [(part, entry) for entry in entries if not entry.name.startswith(".")]
    known = _known_entries(index_file)
    keys = [(part, _printable(entry.name), *_size_and_time(entry)) for part, entry in found]
    fresh = [position for position, key in enumerate(keys) if key not in known]
    # The filters are set here and not in each thread, since they belong to all threads together.
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        paths = [found[position][1].path for position in fresh]
        described = tqdm(
            pool.map(_describe_file, paths),
            total=len(paths),
            desc="Reading images",
            unit="image",
            disable=len(paths) < 500,
            mininterval=1,
        )
        known |= {keys[position]: description for position, description in zip(fresh, described, strict=True)}
    table = pd.DataFrame([(*key, *known[key]) for key in keys], columns=INDEX_COLUMNS)
    table = table.sort_values(["part", "file"], ignore_index=True)
    if keep and index_file is not None and (fresh or not Path(index_file).exists()):
        write_csv(index_file, table, index=False)
    return table


def _describe_file(path):
    """What `describe_image` tells, and the SHA-256 of the file."""
    described = describe_image(path)
    try:
        with open(path, "rb") as file:
            return *described, hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return *described, ""


def describe_image(path):
    """Decode one image and tell (height, width, channels, format, problem); sizes are 0 where it can't be read."""
    path = Path(path)
    if _printable(path.name) != path.name:
        return 0, 0, 0, "", "the file's name is not UTF-8"
    if not path.is_file():
        return 0, 0, 0, "", "this is no file" if path.exists() else "the link leads nowhere"
    try:
        # OpenCV fills up a file that was cut off without a word, so Pillow decodes it first.
        with Image.open(path, formats=FORMATS) as image:
            image.load()
            channels, name = len(image.getbands()), image.format
        height, width, _ = read_image(path).shape
    except UnidentifiedImageError:
        return 0, 0, 0, "", "this is no image"
    # What a broken file makes a decoder raise has no end, and one file must not end the reading of all.
    except Exception as error:
        return 0, 0, 0, "", f"the image can't be decoded ({error})".replace(os.fspath(path), path.name)
    return height, width, channels, name, ""


def read_sizes(folder):
    """Sizes of the images in a folder from the heads of their files, which are not decoded.

    Args:
        folder: the folder; hidden files in it and folders are left out.

    Returns:
        dict of file name to (height, width) as stored, in pixels, or to None where the file is no image; sorted.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: there is no such folder. Name the folder that holds the images.")
    paths = [path for path in folder.iterdir() if not path.name.startswith(".") and not path.is_dir()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {_printable(path.name): _read_size(path) for path in sorted(paths)}


def _read_size(path):
    """(height, width) of one image, None where it is none."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            return image.height, image.width
    # As in `describe_image`: what a broken file makes a decoder raise has no end.
    except Exception:
        return None


def _printable(name):
    """A file name that can be written as UTF-8; bytes that are none appear as escapes."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _size_and_time(entry):
    """Bytes and time of change (nanoseconds) of a folder entry; 0 and 0 where a link leads nowhere."""
    try:
        status = entry.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def _known_entries(index_file):
    """What an earlier scan found: (part, file, bytes, modified_ns) -> what stands in the columns behind these.

    Images that could not be read are left out, so that they are looked at again. A file that is no whole index of
    ours gives nothing.
    """
    if index_file is None or not Path(index_file).is_file():
        return {}
    try:
        table = pd.read_csv(index_file, dtype=str, keep_default_na=False)
        table = table[INDEX_COLUMNS].astype(dict.fromkeys(INDEX_NUMBERS, "int64"))
    except (ValueError, KeyError, OverflowError):
        return {}
    table = table[(table["problem"] == "") & (table[["height", "width", "channels"]] > 0).all(axis=1)]
    rows = table.itertuples(index=False, name=None)
    return {tuple(row[:4]): row[4:] for row in rows}
