"""Files that no server should take: each as bytes, by what is wrong with it."""

import io
import struct
import zipfile
import zlib

SHEET = "xl/worksheets/sheet1.xml"


def zip_bomb(unpacked):
    """A workbook that is small, and `unpacked` bytes once it is unpacked."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file, file.open(SHEET, "w") as sheet:
        for _ in range(unpacked // 2**20):
            sheet.write(b"\0" * 2**20)
    return held.getvalue()


def png_bomb(width, height):
    """A PNG of a few bytes whose head says that it has so many pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def broken_workbook():
    """A ZIP archive that is no workbook."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as file:
        file.writestr("readme.txt", "no workbook")
    return held.getvalue()
