"""Predictions of many images a chunk at a time: each chunk is a function of its images and of what was asked alone."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from helpers.inference.predict import in_batches
from helpers.inference.reading import LARGEST_FILE, MOST_PIXELS, UnreachableError, UnreadableError, decode_image
from helpers.inference.stream import detect_in_stream

CHUNK = 128  # images
DIGITS = 6  # of a probability
JPEG_QUALITY = 85


@dataclass(frozen=True)
class Chunk:
    """Some images that are predicted together.

    Attributes:
        number: its place among the chunks, from 0.
        sources: tuple of `helpers.inference.sources.Source`.
    """

    number: int
    sources: tuple

    def key(self, asked):
        """SHA-256 of the images, and of a text that tells all that their predictions depend on besides."""
        images = [(source.name, source.mark) for source in self.sources]
        return hashlib.sha256(json.dumps([asked, images]).encode()).hexdigest()


@dataclass
class ChunkResult:
    """What came of a chunk.

    Attributes:
        rows: list of [image, class name, probability, runs, pixels], for each image and class.
        unreadable: list of [image, reason].
        overlays: dict of image -> bytes of a JPEG, for images with a defect, where they were asked for.
        unreached: the unreadable images whose bytes couldn't be had, so that another try may read them; in any order.
    """

    rows: list = field(default_factory=list)
    unreadable: list = field(default_factory=list)
    overlays: dict = field(default_factory=dict)
    unreached: list = field(default_factory=list)

    def after(self, earlier, images):
        """What is known after an earlier try of the same chunk: an image that was reached once isn't lost again.

        Args:
            earlier: the `ChunkResult` of that try.
            images: names of the chunk's images, in order.

        Returns:
            `ChunkResult`; this one where it reached all that the earlier one did.
        """
        lost = set(self.unreached) - set(earlier.unreached)
        if not lost:
            return self
        told = [self, earlier]
        rows, unreadable = ([_by_image(getattr(each, name)) for each in told] for name in ("rows", "unreadable"))
        return ChunkResult(
            [row for image in images for row in rows[image in lost].get(image, [])],
            [row for image in images for row in unreadable[image in lost].get(image, [])],
            self.overlays,
            [image for image in self.unreached if image not in lost],
        )


def _by_image(rows):
    """Rows by the image that they begin with."""
    found = {}
    for row in rows:
        found.setdefault(row[0], []).append(row)
    return found


def make_chunks(sources, size=CHUNK):
    """Images in chunks of so many, the last one perhaps smaller; nothing but the list decides how.

    Args:
        sources: list of `helpers.inference.sources.Source`.
        size: images of a chunk.

    Returns:
        List of `Chunk`.

    Raises:
        ValueError: the size is below 1.
    """
    if size < 1:
        raise ValueError(f"chunk_size: got {size}, expected 1 or more images. {CHUNK} is usual.")
    return [Chunk(number, tuple(some)) for number, some in enumerate(in_batches(sources, size))]


def predict_chunk(detector, chunk, *, most_pixels=MOST_PIXELS, draw=None, done=lambda: None):
    """Predict the images of a chunk; images are read, and masks encoded, while the network works.

    Args:
        detector: `helpers.inference.detector.Detector`.
        chunk: a `Chunk`.
        most_pixels: how large an image may be.
        draw: function of an image and its masks that gives an overlay in colour, such as
            `helpers.report.figures.overlay`; None draws none.
        done: called after each image.

    Returns:
        `ChunkResult`; images that can't be read are listed in it.

    Raises:
        ValueError: the network gives NaN.
    """

    def read(source):
        try:
            return _read(source, detector.channels, most_pixels)
        except UnreachableError:
            result.unreached.append(source.name)
            raise

    def use(source, image, detections):
        return _use(source.name, image, detections, draw)

    result = ChunkResult()
    for streamed in detect_in_stream(detector, chunk.sources, read, use, unreadable=UnreadableError):
        if streamed.problem:
            result.unreadable.append([streamed.item.name, streamed.problem])
        else:
            rows, overlays = streamed.result
            result.rows += rows
            result.overlays |= overlays
        done()
    return result


def _read(source, channels, most_pixels):
    """The image of a source.

    Raises:
        UnreachableError: its bytes can't be had.
        UnreadableError: there is none that may be read.
    """
    name = Path(source.name)
    if name.drive or name.root or ".." in name.parts:
        raise UnreadableError("its name leads out of the folder")
    if source.size > LARGEST_FILE:
        raise UnreadableError(f"the file has {source.size / 1e6:,.0f} MB, expected {LARGEST_FILE / 1e6:,.0f} at most")
    try:
        data = source.read()
    except OSError as error:
        # Of a file that is gone, another list or another mark tells when it is there again.
        kind = UnreadableError if isinstance(error, FileNotFoundError) else UnreachableError
        raise kind(f"it can't be read ({error.strerror or error})") from None
    # What the client of a store raises has no end, and one file must not end the prediction of all.
    except Exception as error:
        if not source.place:
            raise
        raise UnreachableError(f"it can't be read ({type(error).__name__}: {' '.join(str(error).split())})") from None
    return decode_image(data, channels, most_pixels)


def _use(name, image, detections, draw):
    """(the rows of an image, dict of its name -> its overlay where it has a defect)."""
    rows = [[name, each.class_name, round(each.probability, DIGITS), each.runs, each.pixels] for each in detections]
    if draw is None or not any(each.found for each in detections):
        return rows, {}
    picture = draw(image, np.stack([each.mask for each in detections], axis=-1))
    _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return rows, {name: data.tobytes()}
