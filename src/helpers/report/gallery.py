"""A page of what `steel predict` found: the surest findings as pictures, everything else in numbers."""

import base64
import csv
import heapq
import itertools
from collections import Counter
from pathlib import Path

import cv2
import numpy as np

from helpers.files import read_json, write_text
from helpers.inference.kept_chunks import OVERLAYS, PAGE, UNREADABLE, overlay_path, read_predictions
from helpers.inference.many import RECORD
from helpers.report.colours import class_colours
from helpers.report.pages import page_details, render_template

MOST = 100  # pictures on the page
WIDEST, TALLEST = 640, 400  # of a picture, in pixels
QUALITY = 75
NAMED = 20  # unreadable images that the page names


def write_gallery(out, most=MOST):
    """Write a page on the predictions in a folder, with the surest findings as pictures.

    Args:
        out: folder of `helpers.inference.many.predict_images`, with overlays.
        most: pictures on the page; the overlays of the others lie beside it.

    Returns:
        Path of the page.

    Raises:
        FileNotFoundError: there are no predictions.
    """
    out = Path(out)
    record, classes, images = read_json(out / RECORD), {}, Counter()
    surest = heapq.nlargest(most, _found(out, classes, images), key=lambda each: each["probability"])
    colours = dict(zip(classes, class_colours(len(classes)), strict=True))
    for each in surest:
        each["picture"] = _thumbnail(overlay_path(out, each["image"]))
    details = page_details({"file": PAGE, "title": "What was found"}, [], Path(record["bundle"]).name)
    text = render_template(
        "gallery.html.j2",
        details,
        record=record,
        classes=[{"name": name, "colour": colours[name], "images": images[name]} for name in classes],
        shown=surest,
        colours=colours,
        unreadable=_unreadable(out),
        overlays=OVERLAYS,
    )
    write_text(out / PAGE, text)
    return out / PAGE


def _found(out, classes, images):
    """Yield the images with a defect; fills the names of all classes, and counts the images of each."""
    for image, rows in itertools.groupby(read_predictions(out), key=lambda row: row["image"]):
        rows = list(rows)
        classes.update((row["class"], True) for row in rows)
        found = [row for row in rows if row["pixels"]]
        images.update(row["class"] for row in found)
        if found:
            yield {"image": image, "rows": found, "probability": max(row["probability"] for row in found)}


def _thumbnail(path):
    """An overlay, made small, as text for a page; "" where it is gone."""
    if not path.is_file():
        return ""
    picture = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    scale = min(1.0, WIDEST / picture.shape[1], TALLEST / picture.shape[0])
    if scale < 1:
        size = [max(1, round(side * scale)) for side in picture.shape[1::-1]]
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return base64.b64encode(data.tobytes()).decode()


def _unreadable(out):
    """The first of the images that could not be read, with the reason."""
    with open(out / UNREADABLE, newline="", encoding="utf-8") as file:
        return list(itertools.islice(csv.DictReader(file), NAMED))
