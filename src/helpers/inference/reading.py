"""Images from bytes that nobody vouches for: looked at before they are decoded."""

import io

import cv2
import numpy as np
from PIL import Image

from helpers.data.images import FLAGS, FORMATS

MOST_PIXELS = 100_000_000
LARGEST_FILE = 2**30  # bytes; an uncompressed image of that many pixels in colour has less
ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}  # format -> the bytes that a whole file ends with


class UnreadableError(ValueError):
    """An image can't be read; the text is the reason, without the image's name."""


class UnreachableError(UnreadableError):
    """An image's bytes can't be had, which may pass; whether they are an image nobody knows."""


def decode_image(data, channels=1, most_pixels=MOST_PIXELS):
    """Decode an image file as `helpers.data.images.read_image` does, and refuse what it would take for one.

    Args:
        data: the file's bytes.
        channels: 1 for grey, 3 for red, green and blue.
        most_pixels: how large an image may be by its header, which is read first: a small file can unpack to more than
            the memory holds.

    Returns:
        uint8 array (height, width, channels).

    Raises:
        UnreadableError: it is no image, was cut off, or has more pixels.
    """
    _check_header(data, most_pixels)
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), FLAGS[channels, 1])
    except cv2.error as error:
        raise UnreadableError(f"the image can't be decoded ({' '.join(str(error).split())})") from None
    if image is None:
        raise UnreadableError("the image can't be decoded")
    return image[..., ::-1] if channels == 3 else image[..., np.newaxis]


def _check_header(data, most_pixels):
    """Stop at what is no image, is larger than asked for, or was cut off."""
    if not data:
        raise UnreadableError("the file is empty")
    try:
        with _open(data) as image:
            width, height = image.size
            _check_size(height, width, most_pixels)
            # OpenCV fills up a file that was cut off without a word. To decode a whole one twice takes twice the time.
            if image.format not in ENDS or not data.rstrip(b"\0").endswith(ENDS[image.format]):
                image.load()
    except UnreadableError:
        raise
    # What a broken file makes a decoder raise has no end, and one file must not end the prediction of all.
    except Exception as error:
        raise UnreadableError(f"the image can't be decoded ({' '.join(str(error).split())})") from None


def _open(data):
    """The header of an image, as `PIL.Image.open` reads it, whose own limit can't be raised for one thread alone."""
    Image.init()
    for name in FORMATS:
        read_header, accept = Image.OPEN[name]
        if accept is None or accept(data[:16]) is True:
            return read_header(io.BytesIO(data), "")
    raise UnreadableError("this is no image")


def _check_size(height, width, most_pixels):
    if height * width > most_pixels:
        raise UnreadableError(
            f"got {height:,} x {width:,} pixels, expected {most_pixels:,} at most; --most-pixels raises that"
        )
