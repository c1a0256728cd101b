"""Small pictures of all images, made when they are asked for first, and kept within bounds."""

import os
import threading
from pathlib import Path

from helpers.dashboard.pictures import encode_photograph
from helpers.data.images import read_image
from helpers.files import written_beside

WIDTH = 480  # pixels: of a card on a screen with two pixels a point
MOST_BYTES = 512 * 2**20
SPARED = 0.9  # share of the bound that is left when the oldest ones are removed


class Thumbnails:
    """The thumbnails of a data set, in a folder; may be asked by several threads at once."""

    def __init__(self, folder, most_bytes=MOST_BYTES):
        """Look at what is there.

        Args:
            folder: where they are kept; made when the first one is.
            most_bytes: what they may take together; beyond it those that were made first are removed.
        """
        self.folder, self.most_bytes = Path(folder), most_bytes
        self._lock = threading.Lock()
        self._bytes = sum(size for _, size, _ in self._kept())

    def get(self, key, path, own_width, channels=1):
        """One thumbnail.

        Args:
            key: the image's key, which changes with the image.
            path: the image's file.
            own_width: of the image in pixels.
            channels: 1 for grey, 3 for colour.

        Returns:
            bytes of a JPEG.

        Raises:
            ValueError: the file is no image any more.
        """
        kept = self.folder / key[:2] / f"{key}.jpg"
        try:
            return kept.read_bytes()
        except FileNotFoundError:
            data = encode_photograph(_read_small(path, own_width, channels), WIDTH)
        with self._lock:
            with written_beside(kept) as beside:
                beside.write_bytes(data)
            self._bytes += len(data)
            if self._bytes > self.most_bytes:
                self._remove_oldest()
        return data

    def _remove_oldest(self):
        """Remove those made first, until there is room again."""
        kept = sorted(self._kept())
        self._bytes = sum(size for _, size, _ in kept)
        for _, size, path in kept:
            if self._bytes <= SPARED * self.most_bytes:
                return
            Path(path).unlink(missing_ok=True)
            self._bytes -= size

    def _kept(self):
        """(time, bytes, path) of each thumbnail."""
        found = []
        for folder in self.folder.glob("??"):
            with os.scandir(folder) as entries:
                files = [entry for entry in entries if entry.name.endswith(".jpg")]
                found += [(entry.stat().st_mtime_ns, entry.stat().st_size, entry.path) for entry in files]
        return found


def _read_small(path, own_width, channels):
    """An image, decoded at the smallest fraction of its size that is still as wide as a thumbnail."""
    shrink = next((part for part in (8, 4, 2) if own_width >= part * WIDTH), 1)
    return read_image(path, channels, shrink)
