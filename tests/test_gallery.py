"""The page of what was found: the surest first, and nothing of a name runs."""

import re

import cv2
import numpy as np
import pytest

from helpers.inference.many import Asked, predict_images
from helpers.inference.sources import Source
from helpers.report.figures import overlay
from helpers.report.gallery import write_gallery
from tiny_models import SHAPE, open_bright, tiny_bundle

HOSTILE = "<script>alert(1)<&\"' %41?#.png"


@pytest.fixture
def predicted(tmp_path, monkeypatch):
    """A function that predicts images of one grey value each, by their names, and gives the folder."""
    monkeypatch.setattr("helpers.inference.detector.open_engine", open_bright())

    def predict(greys, classes=("bright", "dark")):
        (tmp_path / "sheets").mkdir()
        for name, grey in greys.items():
            data = cv2.imencode(".png", np.full(SHAPE, grey, np.uint8))[1].tobytes() if grey is not None else b""
            (tmp_path / "sheets" / name).write_bytes(data)
        bundle = tiny_bundle(tmp_path / "tiny", class_names=list(classes))
        predict_images([tmp_path / "sheets"], tmp_path / "out", Asked(bundle, draw=overlay))
        return tmp_path / "out"

    return predict


def test_write_gallery_shows_the_surest_first(predicted):
    out = predicted({"a.png": 160, "b.png": 250, "c.png": 100, "d.png": 200, "e.png": 5, "f.png": None})
    page = write_gallery(out, most=3).read_text()
    assert re.findall(r"<figcaption><b>(.*?)</b>", page) == ["b.png", "e.png", "d.png"]
    assert page.count("data:image/jpeg;base64,") == 3
    assert "6 images, 4 of them with a defect, by bright. 1 could not be read." in page
    assert "The 3 images with the highest probabilities; the overlays of all 4 lie in" in page
    assert "<li><b>f.png</b>: the file is empty</li>" in page and "could not be fetched" not in page
    rows = re.findall(r"</span> (\w+)</th><td>(\d)</td>", page)
    assert rows == [("bright", "3"), ("dark", "1")]


def test_write_gallery_escapes_names(predicted):
    """Of images, and of classes, which a bundle may bring from anywhere."""
    page = write_gallery(predicted({HOSTILE: 250}, classes=("<b>bright</b>", "dark"))).read_text()
    assert "<script>alert" not in page and "<b>bright</b>" not in page
    assert "&lt;script&gt;alert(1)&lt;&amp;" in page
    assert 'href="overlays/%3Cscript%3Ealert%281%29%3C%26%22%27%20%2541%3F%23.png.jpg"' in page


def test_write_gallery_tells_what_may_be_read_later(predicted, monkeypatch):
    def read(source):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Source, "read", read)
    page = write_gallery(predicted({"a.png": 100})).read_text()
    assert "1 could not be fetched; the same command tries again." in page


def test_write_gallery_where_nothing_was_found(predicted):
    page = write_gallery(predicted({"a.png": 100})).read_text()
    assert "No defect was found." in page and "<figure>" not in page


def test_write_gallery_without_predictions(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_gallery(tmp_path)
