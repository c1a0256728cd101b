"""Photographs: reading them, and finding the ones that can't be used, by content and not by name."""

import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from PIL import Image, ImageOps, UnidentifiedImageError
from tqdm.auto import tqdm

from helpers.files import write_csv

INDEX_COLUMNS = ["part", "file", "bytes", "modified_ns", "height", "width", "channels", "format", "problem"]


def read_image(path, channels=1):
    """Read an image file of any format by its content.

    Args:
        path: the file.
        channels: 1 for grey, 3 for red, green and blue.

    Returns:
        uint8 array (height, width, channels).

    Raises:
        ValueError: the file is no image, or `channels` is neither 1 nor 3.
    """
    if channels not in (1, 3):
        raise ValueError(f"channels: got {channels}, expected 1 (grey) or 3 (colour).")
    data = np.fromfile(path, dtype=np.uint8)
    flag = cv2.IMREAD_GRAYSCALE if channels == 1 else cv2.IMREAD_COLOR_RGB
    image = cv2.imdecode(data, flag) if data.size else None
    if image is None:
        raise ValueError(f"{path}: this is no image that can be read. Copy it again from where it came from.")
    return image.reshape(*image.shape[:2], channels)


def scan_images(directory, parts, index_file=None):
    """Decode every image of a data set once, and say which can't be read.

    Args:
        directory: the data directory.
        parts: mapping of part name to folder name, such as `{"train": "train_images"}`.
        index_file: CSV that keeps what was found, so that an unchanged file is not decoded again.

    Returns:
        Table with the columns part, file (name within its folder), bytes, modified_ns, height, width (pixels),
        channels, format (by content) and problem ("" where the image can be read), sorted by part and file.
    """
    found = []
    for part, folder in parts.items():
        place = Path(directory) / folder
        if place.is_dir():
            with os.scandir(place) as entries:
                found += [(part, entry.name, entry.path, entry.stat()) for entry in entries if _is_candidate(entry)]
    known = _known_entries(index_file)
    keys = [(part, name, status.st_size, status.st_mtime_ns) for part, name, _, status in found]
    fresh = [position for position, key in enumerate(keys) if key not in known]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        paths = [found[position][2] for position in fresh]
        described = tqdm(
            pool.map(describe_image, paths),
            total=len(paths),
            desc="Reading images",
            unit="image",
            disable=len(paths) < 500,
            mininterval=1,
        )
        known |= {keys[position]: description for position, description in zip(fresh, described, strict=True)}
    table = pd.DataFrame([(*key, *known[key]) for key in keys], columns=INDEX_COLUMNS)
    table = table.sort_values(["part", "file"], ignore_index=True)
    if index_file is not None and (fresh or not Path(index_file).exists()):
        write_csv(index_file, table, index=False)
    return table


def describe_image(path):
    """Decode one image and tell (height, width, channels, format, problem); sizes are 0 where it can't be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                image.load()
                width, height = ImageOps.exif_transpose(image).size
                return height, width, len(image.getbands()), image.format, ""
    except UnidentifiedImageError:
        return 0, 0, 0, "", "this is no image"
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        return 0, 0, 0, "", f"the image can't be decoded ({error})".replace(os.fspath(path), Path(path).name)


def _is_candidate(entry):
    """Whether a folder entry is meant to be an image: a file that is not hidden."""
    return entry.is_file() and not entry.name.startswith(".")


def _known_entries(index_file):
    """What an earlier scan found: (part, file, bytes, modified_ns) -> (height, width, channels, format, problem)."""
    if index_file is None or not Path(index_file).exists():
        return {}
    table = pd.read_csv(index_file, keep_default_na=False)
    if list(table.columns) != INDEX_COLUMNS:
        return {}
    rows = table.itertuples(index=False, name=None)
    return {(part, str(name), size, time): tuple(rest) for part, name, size, time, *rest in rows}
