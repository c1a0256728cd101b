"""What a browser sends: checked for size and kind before anything of it is read any further."""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from helpers.dashboard.submissions import read_uploaded
from helpers.data.images import FORMATS, read_image
from helpers.data.problems import one_line

MOST_REQUEST = 64 * 2**20  # bytes of all that is sent at once
MOST_SUBMISSION = 32 * 2**20
MOST_IMAGE = 16 * 2**20
MOST_PIXELS = 40_000_000
MOST_IMAGES = 16  # of one browser, at once
LONGEST_NAME = 120  # characters of a name that is shown
_CHUNK = 2**20


def receive_submission(session, slot, name, stream, catalogue):
    """Take an uploaded submission into a session, in the place of the one that was there.

    Args:
        session: `Session`.
        slot: "a" or "b".
        name: what its sender calls it; shown, and used for nothing else.
        stream: binary file to read from.
        catalogue: `Catalogue` of the images that it may be of.

    Returns:
        `helpers.dashboard.submissions.Uploaded`.

    Raises:
        ValueError: it is empty, too large, or no submission.
    """
    with session.lock:
        path = session.folder / f"submission-{slot}"
        _save(stream, path, name, MOST_SUBMISSION)
        uploaded = read_uploaded(path, shown_name(name), catalogue)
        session.submissions[slot] = uploaded
        return uploaded


def receive_image(session, number, name, stream):
    """Take an uploaded image into a session.

    Args:
        session: `Session`.
        number: of the image, which names its file.
        name: what its sender calls it.
        stream: binary file to read from.

    Returns:
        Path of its file.

    Raises:
        ValueError: it is empty, too large, or no image that can be read.
    """
    path = session.folder / f"image-{number}"
    _save(stream, path, name, MOST_IMAGE)
    try:
        check_image(path, name)
    except ValueError:
        path.unlink()
        raise
    return path


def check_image(path, name):
    """Stop at a file that is no image, or has more pixels than can be held; the head is read before the pixels are.

    Args:
        path: the file.
        name: what messages call it.

    Raises:
        ValueError: it is no sound image of a kind that is read, or has too many pixels.
    """
    name = shown_name(name)
    try:
        # An image's size is only looked at here; the bound below is lower than the one that Pillow warns at.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as image:
                _check_pixels(name, *image.size)
                image.load()
        read_image(path)
    except TooLargeError:
        raise
    except Image.DecompressionBombError:
        raise _too_many_pixels(name, "so many pixels that it is a trap") from None
    # What a broken file makes a decoder raise has no end.
    except Exception:
        kinds = ", ".join(FORMATS)
        raise ValueError(
            f"{name}: this is no sound image; expected one of: {kinds}. Save it again, or choose another file."
        ) from None


class TooLargeError(ValueError):
    """An upload is larger than what is taken."""


def shown_name(name):
    """A name as it may be shown: on one line, and not endless.

    Example:
        >>> shown_name("/a/b/sheet.png"), shown_name("")
        ('sheet.png', 'without a name')
    """
    last = one_line(str(name)).replace("\\", "/").rpartition("/")[2]
    return last[:LONGEST_NAME] or "without a name"


def read_uploaded_image(path, channels):
    """An uploaded image: uint8 (height, width, channels)."""
    return np.ascontiguousarray(read_image(path, channels))


def _check_pixels(name, width, height):
    if width * height > MOST_PIXELS:
        raise _too_many_pixels(name, f"{height:,} x {width:,} pixels")


def _too_many_pixels(name, pixels):
    return TooLargeError(
        f"{name}: the image has {pixels}; expected {MOST_PIXELS / 1e6:.0f} million at most. "
        "Cut it into parts, or make it smaller."
    )


def _save(stream, path, name, most):
    """Write what is sent to a file, as long as it isn't too much."""
    size, name = 0, shown_name(name)
    beside = Path(f"{path}.part")
    with beside.open("wb") as file:
        while chunk := stream.read(_CHUNK):
            size += len(chunk)
            if size > most:
                break
            file.write(chunk)
    if 0 < size <= most:
        beside.replace(path)
        return
    beside.unlink()
    if size:
        raise TooLargeError(
            f"{name}: the file has more than {most / 2**20:.0f} MiB, which is the most that is taken. "
            "Is it the right file?"
        )
    raise ValueError(f"{name}: the file is empty; expected some content. Choose another file.")
