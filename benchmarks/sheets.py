"""Any number of sheets for the benchmarks of prediction: a few photographs, again and again under other names."""

import itertools
import os
import shutil

from helpers.data.made_up import make_data

DIFFERENT = 40  # sheets that are made up where no photographs are given


def write_sheets(folder, count, photographs=None):
    """Fill a new folder with so many images of 256 x 1600 pixels.

    Args:
        folder: where to write.
        count: number of images.
        photographs: folder of images to take; None makes up some.

    Returns:
        The folder.
    """
    source = photographs or make_data(folder.with_name(f"{folder.name}-made-up"), DIFFERENT, seed=3) / "train_images"
    paths = sorted(path for path in source.iterdir() if path.is_file() and not path.name.startswith("."))
    folder.mkdir(parents=True)
    for number, path in zip(range(count), itertools.cycle(paths), strict=False):
        target = folder / f"{number:06}{path.suffix}"
        try:
            os.link(path, target)
        except OSError:
            shutil.copyfile(path, target)
    return folder
