"""Fixtures that several test files share."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from browsing import unavailable
from helpers.report.pdf import find_browser

# Height and width; pixel number = 32 * column + row + 1, both counted from 0.
TINY_SHAPE = (32, 96)
TINY_LABELS = """\
ImageId,ClassId,EncodedPixels
a.jpg,1,1 3 33 3
a.jpg,3,3072 1
b.jpg,2,32 2
"""


def write_tiny_image(path, shape=TINY_SHAPE, grey=100):
    """Write an even grey image as JPEG, whatever the ending of `path` says."""
    encoded, data = cv2.imencode(".jpg", np.full(shape, grey, np.uint8))
    assert encoded
    Path(path).write_bytes(data.tobytes())


@pytest.fixture
def tiny_data(tmp_path):
    """A function that writes a data set of 32 x 96 grey JPEG images by hand, and gives its folder.

    Image a has class 1 (rows 0 to 2 of columns 0 and 1: 6 pixels) and class 3 (the last pixel), b has class 2 (the
    bottom of column 0 and the top of column 1: 2 pixels), and c is free of defects. `labels` replaces train.csv as
    text or bytes.
    """

    def write(labels=TINY_LABELS, train=("a.jpg", "b.jpg", "c.jpg"), test=("t.jpg",), name="steel"):
        directory = tmp_path / name
        for folder, images in (("train_images", train), ("test_images", test)):
            (directory / folder).mkdir(parents=True)
            for image in images:
                write_tiny_image(directory / folder / image)
        data = labels if isinstance(labels, bytes) else labels.encode()
        (directory / "train.csv").write_bytes(data)
        return directory

    return write


@pytest.fixture(scope="module")
def browser():
    """Chromium, launched once for all tests of a file."""
    chromium = find_browser()
    if chromium is None:
        unavailable("no Chromium: apt-get install chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        unavailable("no playwright: pip install playwright")
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if root else []
        launched = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield launched
        launched.close()
