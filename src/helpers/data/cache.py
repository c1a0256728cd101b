"""Training examples at the network's size, kept on disk after they were made once."""

import math
import os
from pathlib import Path

import numpy as np

from helpers.files import read_json, write_json

BITS = 8  # classes that one byte of a packed mask holds


class ExampleCache:
    """Images and masks on disk, one place for each; memory does not grow with their number.

    An example is marked as kept only after all of it was written, so that a kill leaves no half ones. A cache of
    another data set, size or list of images is begun anew.
    """

    def __init__(self, folder, key, count, image_shape, num_classes):
        """Open a cache, or begin one.

        Args:
            folder: where it lies; made when missing.
            key: text that tells what the examples are made from; another key begins anew.
            count: number of examples.
            image_shape: (height, width, channels) of the images.
            num_classes: number of masks of an example.

        Raises:
            OSError: the disk has too little room.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        about = {"key": key, "count": count, "image_shape": list(image_shape), "num_classes": num_classes}
        note = folder / "cache.json"
        mode = "r+" if note.exists() and read_json(note) == about else "w+"
        if mode == "w+":
            note.unlink(missing_ok=True)
            for path in folder.glob("*.u8"):
                path.unlink()
        bytes_of_mask = -(-num_classes // BITS)
        self.num_classes = num_classes
        self.images = _mapped(folder / "images.u8", (count, *image_shape))
        self.masks = _mapped(folder / "masks.u8", (count, *image_shape[:2], bytes_of_mask))
        self.kept = _mapped(folder / "kept.u8", (count,))
        write_json(note, about)

    def get(self, position, make):
        """One example, made and kept when it isn't there yet.

        Args:
            position: its number, counted from 0.
            make: function without arguments that gives (image, masks): uint8 (height, width, channels), and uint8
                (height, width, classes) of 0 and 1.

        Returns:
            (image, masks), copies of what is kept.
        """
        if not self.kept[position]:
            image, masks = make()
            self.images[position] = image
            self.masks[position] = np.packbits(masks, axis=-1)
            self.kept[position] = 1
            return image, masks
        return self.images[position].copy(), np.unpackbits(self.masks[position], axis=-1, count=self.num_classes)


def _mapped(path, shape):
    """A file as an array of bytes, zeros at first, with its room on the disk taken: what has none ends the process."""
    size = math.prod(shape)
    with open(path, "ab") as file:
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.truncate(size)
        except OSError as error:
            raise OSError(
                f"{path}: the examples to train on need {size / 1e9:.1f} GB there ({error.strerror}). Make room, or "
                "train on smaller images (02_preprocessing.MAX_PIXELS)."
            ) from None
    return np.memmap(path, np.uint8, "r+", shape=shape)
