"""Images from bytes that nobody vouches for."""

import struct
import zlib

import cv2
import numpy as np
import pytest

from helpers.data.images import read_image
from helpers.inference.reading import UnreadableError, decode_image

IMAGE = np.random.default_rng(0).integers(0, 256, (40, 70, 3), dtype=np.uint8)


def encoded(kind, image=IMAGE):
    """The image as bytes of a file of that kind."""
    return cv2.imencode(kind, image)[1].tobytes()


def png_that_says(width, height):
    """A PNG of a few bytes whose header tells any size."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [body, b"IDAT" + zlib.compress(b"\0" * 100), b"IEND"]
    parts = [struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("kind", [".png", ".jpg", ".bmp", ".tiff", ".webp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_decode_image_as_read_image_does(tmp_path, kind, channels):
    path = tmp_path / f"image{kind}"
    path.write_bytes(encoded(kind))
    np.testing.assert_array_equal(decode_image(path.read_bytes(), channels), read_image(path, channels))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"ImageId,ClassId\n", "this is no image"),
        (encoded(".jpg")[:-300], "the image can't be decoded .*truncated"),
        (encoded(".png")[:-300], "the image can't be decoded .*truncated"),
        (encoded(".jpg")[:2], "this is no image|decoded"),
        (png_that_says(70, 40), "the image can't be decoded"),
    ],
)
def test_decode_image_of_what_is_none(data, reason):
    with pytest.raises(UnreadableError, match=reason):
        decode_image(data)


def test_decode_image_of_one_pixel():
    assert decode_image(encoded(".png", np.full((1, 1), 7, np.uint8))).tolist() == [[[7]]]


def test_decode_image_looks_at_the_header_first():
    """Of 20,000 x 20,000 pixels nothing is unpacked, however small the file."""
    data = png_that_says(20_000, 20_000)
    with pytest.raises(
        UnreadableError, match=r"got 20,000 x 20,000 pixels, expected 100,000,000 at most; --most-pixels"
    ):
        decode_image(data)


def test_decode_image_of_more_pixels_where_that_is_asked_for():
    with pytest.raises(UnreadableError, match="got 40 x 70 pixels, expected 2,799 at most"):
        decode_image(encoded(".png"), most_pixels=2799)
    assert decode_image(encoded(".png"), most_pixels=2800).shape == (40, 70, 1)
    # Beyond Pillow's own limit it is the missing pixels that are missed.
    with pytest.raises(UnreadableError, match="can't be decoded") as raised:
        decode_image(png_that_says(20_000, 20_000), most_pixels=10**9)
    assert "bomb" not in str(raised.value)


def test_decode_image_of_a_jpeg_with_zeros_behind_its_end():
    """Some cameras fill up the last block."""
    data = encoded(".jpg")
    np.testing.assert_array_equal(decode_image(data + b"\0" * 100), decode_image(data))


@pytest.mark.parametrize("kind", [".png", ".jpg"])
def test_decode_image_decodes_a_whole_file_once(kind, monkeypatch):
    def decode_again(image):
        raise AssertionError("Pillow decodes it, too")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", decode_again)
    assert decode_image(encoded(kind)).shape == (40, 70, 1)


def test_decode_image_of_a_png_that_is_broken_in_the_middle():
    """It ends as a whole one does."""
    data = bytearray(encoded(".png"))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(UnreadableError, match="the image can't be decoded"):
        decode_image(bytes(data))
