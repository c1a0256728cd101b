"""The competition's submission file."""

import csv

from helpers.data.tables import read_table
from helpers.files import written_beside
from helpers.rle import mask2rle, mask_area

HEADER = ["ImageId_ClassId", "EncodedPixels"]


def write_submission(path, image_ids, masks):
    """Write a submission with a row for each image and class; an empty cell where nothing was found.

    Args:
        path: where to write; the file appears only when it is whole.
        image_ids: ids of the images.
        masks: iterable of uint8 arrays (height, width, classes) of 0 and 1, in the same order.

    Returns:
        Number of rows, the header not counted.
    """
    rows = 0
    with written_beside(path) as beside, open(beside, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for image_id, image_masks in zip(image_ids, masks, strict=True):
            for class_id in range(1, image_masks.shape[-1] + 1):
                writer.writerow([f"{image_id}_{class_id}", mask2rle(image_masks[..., class_id - 1])])
                rows += 1
    return rows


def read_submission(path, shape):
    """Read a submission back.

    Args:
        path: a file of `write_submission`.
        shape: (height, width) of the images in pixels, to check the runs against.

    Returns:
        Table with ImageId, ClassId (int), EncodedPixels and area (pixels), in the file's order.

    Raises:
        ValueError: a run is corrupt or leaves the image.
    """
    table = read_table(path)
    pairs = table["ImageId_ClassId"].str.rsplit("_", n=1, expand=True).reindex(columns=[0, 1])
    areas = [mask_area(text, shape) for text in table["EncodedPixels"]]
    return table.assign(ImageId=pairs[0], ClassId=pairs[1].astype("int64"), area=areas).drop(columns="ImageId_ClassId")
