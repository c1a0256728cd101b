"""What is published of the competition's data, and what follows from it."""

from helpers.data.labels import COMPETITION_CLASSES, read_published


def published_values(system):
    """The published figures of one system, as a Series by measure."""
    table = read_published()
    return table[table["system"] == system].set_index("measure")["value"]


def competition_labels():
    """Counts that follow from those of the competition's label file.

    Returns:
        dict: images, defective (images with a defect), rows (pairs of image and class), and floor, the
        `all_empty_dice` of the training images.
    """
    counts = published_values("training set")
    images, classes = int(counts["images"]), range(1, COMPETITION_CLASSES + 1)
    rows = int(sum(counts[f"images with class {number}"] for number in classes))
    return {
        "images": images,
        "defective": images - int(counts["images with 0 classes"]),
        "rows": rows,
        "floor": 1 - rows / (len(classes) * images),
    }
